"""Trial lists: pairs of utterances, and whether one speaker spoke both; scores of other tools; VoxCeleb1's lists."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import (
    AmbiguousScores,
    LabelsMissing,
    OneKindOfTrial,
    ScoresIncomplete,
    TrialWithItself,
    named,
)
from speakerid.evaluation.tables import LABELS, SCORES, TRIALS, Layout, Table, read_table, sniff, without_header

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]
VOXCELEB_ID = re.compile(r"(?:^|[/_-])(id\d{5})(?=[/_.-])")
Rule = Callable[[str], str]
VerificationProtocol = Literal["O", "E", "H"]


@dataclass(frozen=True)
class TrialList:
    """n trials between the utterances `names`; `enroll` and `test (n,)` are places in it."""

    name: str
    sha256: str  # of the file
    names: tuple[str, ...]
    enroll: Places
    test: Places
    same: Flags  # (n,) true for targets

    def __len__(self) -> int:
        return len(self.same)

    def only(self, chosen: Flags) -> TrialList:
        """Raises OneKindOfTrial."""
        return checked(
            TrialList(self.name, self.sha256, self.names, self.enroll[chosen], self.test[chosen], self.same[chosen])
        )


def read_trials(path: Path) -> TrialList:
    """`label enroll test` (VoxCeleb) or `enroll test label` (Kaldi). Raises BadLine, ListMissing, OneKindOfTrial."""
    table = without_header(read_table(path), TRIALS)
    layout = sniff(table, TRIALS)[0]  # utterances named 0 and 1 fit both: then VoxCeleb's order
    return checked(trials_of(table, layout, labels_of(table, layout)))


def trials_of(table: Table, layout: Layout, same: Flags) -> TrialList:
    """Raises TrialWithItself."""
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__  # a name's place is how many came before it
    enroll, test = (
        np.fromiter((places[row[column]] for row in table.rows), np.intp, len(table.rows))
        for column in (layout.enroll, layout.test)
    )
    names = tuple(places)
    _refuse_itself(table, enroll, test, names)
    return TrialList(table.path.name, table.sha256, names, enroll, test, same)


def labels_of(table: Table, layout: Layout) -> Flags:
    assert layout.label is not None
    return np.array([LABELS[row[layout.label].lower()] for row in table.rows], np.bool_)


def checked(trials: TrialList) -> TrialList:
    """Raises OneKindOfTrial."""
    if trials.same.all() or not trials.same.any():
        raise OneKindOfTrial(trials.name, "target" if trials.same.any() else "non-target")
    return trials


def _refuse_itself(table: Table, enroll: Places, test: Places, names: Sequence[str]) -> None:
    known: dict[str, int] = {}
    paths = np.array([known.setdefault(normpath(name), len(known)) for name in names])  # ./a.wav is a.wav
    for row in np.flatnonzero(paths[enroll] == paths[test]):
        problem = f"both sides are the same file, {names[enroll[row]]!r}. Remove this trial."
        raise TrialWithItself(table.path, table.lines[row], problem)


@dataclass(frozen=True)
class Scored:
    """Trials and their scores `(n,)`; `ignored` scores belong to none of the trials."""

    trials: TrialList
    scores: NDArray[np.float64]
    layout: str
    ignored: int = 0


def read_scores(path: Path, trials: Path | None = None) -> Scored:
    """With `trials`, its labels count and every trial needs a score. Raises BadLine, ListError."""
    table = without_header(read_table(path), SCORES)
    layout = _layout(table)
    if trials is not None:
        return _joined(table, layout, read_trials(trials))
    if layout.label is None:
        raise LabelsMissing(f"{path.name} has scores without labels. Give the list they were made from with --trials.")
    found = checked(trials_of(table, layout, labels_of(table, layout)))
    return Scored(found, _numbers(table, layout), layout.name)


def _layout(table: Table) -> Layout:
    left = sniff(table, SCORES)
    if len(left) > 1:
        raise AmbiguousScores(
            f"In {table.path.name} every score could be a label, and every label a score. "
            "Write the labels as target and nontarget."
        )
    return left[0]


def _joined(table: Table, layout: Layout, trials: TrialList) -> Scored:
    """Raises ScoresIncomplete: also for a pair with two different scores, because one of them must be wrong."""
    by_pair: dict[tuple[str, str], float] = {}
    numbers = _numbers(table, layout)
    for row, line, score in zip(table.rows, table.lines, numbers, strict=True):
        pair = row[layout.enroll], row[layout.test]
        if by_pair.setdefault(pair, score) != score:
            raise ScoresIncomplete(f"{table.path.name}, line {line}: {' '.join(pair)} had another score before.")
    pairs = [(trials.names[one], trials.names[two]) for one, two in zip(trials.enroll, trials.test, strict=True)]
    missing = [" ".join(pair) for pair in pairs if pair not in by_pair]
    if missing:
        raise ScoresIncomplete(
            f"{len(missing)} of {len(pairs)} trials of {trials.name} have no score in {table.path.name}: "
            f"{named(missing)}. Score them all; a part gives other error rates."
        )
    scores = np.array([by_pair[pair] for pair in pairs])
    return Scored(trials, scores, layout.name, ignored=len(by_pair.keys() - set(pairs)))


def _numbers(table: Table, layout: Layout) -> NDArray[np.float64]:
    assert layout.score is not None
    return np.array([float(row[layout.score]) for row in table.rows])


def _voxceleb(name: str) -> str:
    found = VOXCELEB_ID.search(name)
    return found[1] if found else name


def _part(place: int) -> Rule:
    def rule(name: str) -> str:
        parts = name.split("/")
        return parts[place] if -len(parts) <= place < len(parts) - 1 else name

    return rule


def _before(separator: str) -> Rule:
    return lambda name: name.split("/")[-1].split(separator)[0]


# Path parts that may be the speaker: of `speaker/session/file`, `speaker/…/file`, `…/speaker/file`; or a prefix.
RULES: tuple[Rule, ...] = (_voxceleb, _part(-3), _part(0), _part(-2), _before("-"), _before("_"))


def speakers_of(trials: TrialList) -> NDArray[np.intp] | None:
    """The speaker `(names,)` of every utterance as a number, or None when names do not show it."""
    for rule in RULES:
        _, speakers = np.unique([rule(name) for name in trials.names], return_inverse=True)
        if np.array_equal(speakers[trials.enroll] == speakers[trials.test], trials.same):
            return speakers.astype(np.intp)
    return None


@dataclass(frozen=True)
class KnownList:
    protocol: VerificationProtocol
    name: str
    file: str
    cleaned: bool


KNOWN = {
    37_611: KnownList("O", "VoxCeleb1-O (cleaned)", "veri_test2.txt", cleaned=True),
    37_720: KnownList("O", "VoxCeleb1-O (uncleaned)", "veri_test.txt", cleaned=False),
    579_818: KnownList("E", "VoxCeleb1-E (cleaned)", "list_test_all2.txt", cleaned=True),
    581_480: KnownList("E", "VoxCeleb1-E (uncleaned)", "list_test_all.txt", cleaned=False),
    550_894: KnownList("H", "VoxCeleb1-H (cleaned)", "list_test_hard2.txt", cleaned=True),
    552_536: KnownList("H", "VoxCeleb1-H (uncleaned)", "list_test_hard.txt", cleaned=False),
}
LIST_FILES = {
    protocol: [one.file for one in KNOWN.values() if one.protocol == protocol] for protocol in ("O", "E", "H")
}


def recognize(trials: int) -> KnownList | None:
    return KNOWN.get(trials)


def list_warning(protocol: VerificationProtocol, trials: int) -> str | None:
    """What a reader of a figure for `protocol` must know about the list it was measured on."""
    found = recognize(trials)
    usual = next(count for count, one in KNOWN.items() if one.protocol == protocol and one.cleaned)
    if found is None:
        return (
            f"This list has {trials:,} trials, no published VoxCeleb1 list has; VoxCeleb1-{protocol} (cleaned) has "
            f"{usual:,}. Do not quote this figure as VoxCeleb1-{protocol}."
        )
    if found.protocol != protocol:
        return f"This list has the {trials:,} trials of {found.name}, not of VoxCeleb1-{protocol}."
    if not found.cleaned:
        return f"This is the uncleaned list ({trials:,} trials); most published figures are on the cleaned {usual:,}."
    return None
