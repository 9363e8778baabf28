"""Trial lists: pairs of utterances, and whether one speaker spoke both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import OneKindOfTrial, TrialWithItself
from speakerid.evaluation.trials.layouts import LABELS, TRIALS, Layout, sniff, without_header
from speakerid.evaluation.trials.table import Table, read_table

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


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
        raise TrialWithItself(table.path, table.lines[row], names[enroll[row]])
