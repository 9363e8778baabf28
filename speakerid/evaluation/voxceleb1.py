"""VoxCeleb1's protocols: their lists, what figures on them may be called, and encoders trained on their speakers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from speakerid.encoders.base import Encoder
from speakerid.evaluation.corpus import read_iden_split
from speakerid.evaluation.corpus_readers import open_corpus
from speakerid.evaluation.errors import ContaminatedEncoder, ListMissing
from speakerid.evaluation.report.facts import Evaluated
from speakerid.evaluation.run import Run
from speakerid.evaluation.trials import LIST_FILES, VOXCELEB_ID, VerificationProtocol, list_warning, read_trials

Protocol = Literal["O", "E", "H", "identification", "open-set"]
TITLES: dict[Protocol, str] = {
    "O": "VoxCeleb1-O",
    "E": "VoxCeleb1-E",
    "H": "VoxCeleb1-H",
    "identification": "VoxCeleb1 identification",
    "open-set": "VoxCeleb1 open-set identification",
}
VOXCELEB = re.compile(r"vox ?celeb ?(?P<number>[12]?)(?:[ _-]*(?P<part>dev|test|train)\w*)?", re.IGNORECASE)
VOXCELEB1_IDS = range(10_001, 11_252)
TEST_IDS = range(10_270, 10_310)  # the 40 speakers of VoxCeleb1-O
UNKNOWN = (
    "Nothing says what this encoder was trained on, so its training may hold the voices of this test. "
    "Say it in the card beside the model (trained_on)."
)
SPLIT_FILE = "iden_split.txt"
SPLIT_FILES = 153_516  # utterances of all 1,251 speakers


def reason(trained_on: tuple[str, ...], protocol: Protocol) -> str | None:
    """Why the figures of `protocol` are contaminated for an encoder trained on these sets; None when they are not.

    O has the 40 speakers of VoxCeleb1's test part, the other protocols all 1,251. VoxCeleb2's speakers are others.
    """
    for name in trained_on:
        found = VOXCELEB.search(name)
        if found is None or found["number"] == "2":
            continue
        part = (found["part"] or "").lower()
        if protocol != "O" or part not in ("dev", "train"):
            return f"it was trained on {name}, whose speakers {TITLES[protocol]} asks about"
    return None


def asked_about(names: Iterable[str]) -> Protocol | None:
    """O for names of VoxCeleb1's test speakers alone, E where others of its speakers occur, None for other corpora.

    Whatever a list is called, an encoder may have been trained on the speakers in it.
    """
    found = {int(match[1][2:]) for name in names if (match := VOXCELEB_ID.search(name))}
    if not any(one in VOXCELEB1_IDS for one in found):
        return None
    return "O" if all(one in TEST_IDS for one in found) else "E"


def guard(encoder: Encoder, protocol: Protocol, *, allow: bool) -> list[str]:
    """Stamps for the report. Raises ContaminatedEncoder unless `allow`."""
    if not encoder.trained_on:
        return [UNKNOWN]
    why = reason(encoder.trained_on, protocol)
    if why is None:
        return []
    if not allow:
        clean = ", ".join(title for one, title in TITLES.items() if reason(encoder.trained_on, one) is None)
        raise ContaminatedEncoder(
            f"{encoder.name} cannot be measured on {TITLES[protocol]}: {why}. "
            + (f"Valid for it: {clean}. " if clean else "")
            + "Use another encoder, or pass --allow-contaminated; the report will then say so."
        )
    return [f"CONTAMINATED: {encoder.name} was measured although {why}. Do not quote these figures."]


def evaluate(run: Run, root: Path, protocol: Protocol, listed: Path | None, *, allow_contaminated: bool) -> Evaluated:
    """Raises ContaminatedEncoder before anything slow begins, ListMissing, and what `Run` raises."""
    stamps = guard(run.stage.encoder, protocol, allow=allow_contaminated)
    path = listed or find_list(root, protocol)
    if protocol in ("identification", "open-set"):
        split = read_iden_split(path)
        if len(split) != SPLIT_FILES:
            stamps.append(
                f"This split has {len(split):,} files, VoxCeleb1's has {SPLIT_FILES:,}. Do not quote this as VoxCeleb1."
            )
        run = replace(run, stamps=(*run.stamps, *stamps))
        ask = run.identification if protocol == "identification" else run.open_set
        return _titled(ask(open_corpus(root), split), protocol)
    trials = read_trials(path)
    note = list_warning(cast(VerificationProtocol, protocol), len(trials))
    if protocol == "O" and asked_about(trials.names) == "E":  # another list was given for O
        stamps = guard(run.stage.encoder, "E", allow=allow_contaminated)
    run = replace(run, stamps=(*run.stamps, *stamps, *([note] if note else [])))
    return _titled(run.verification(open_corpus(root), trials), protocol)


def evaluate_list(run: Run, root: Path, listed: Path, *, allow_contaminated: bool) -> Evaluated:
    """Any trial list; VoxCeleb1's speakers are guarded here too. Raises as `evaluate`."""
    trials = read_trials(listed)
    return guarded(run, trials.names, allow_contaminated=allow_contaminated).verification(open_corpus(root), trials)


def guarded(run: Run, names: Iterable[str], *, allow_contaminated: bool) -> Run:
    """For recordings of VoxCeleb1, whatever asks about them. Raises ContaminatedEncoder."""
    found = asked_about(names)
    stamps = guard(run.stage.encoder, found, allow=allow_contaminated) if found else []
    return replace(run, stamps=(*run.stamps, *stamps))


def find_list(root: Path, protocol: Protocol) -> Path:
    """In the corpus or beside it, the cleaned list first. Raises ListMissing, naming what was looked for."""
    names = LIST_FILES.get(protocol, [SPLIT_FILE])
    for name in names:
        for folder in (root, root / "meta", root.parent):
            if (folder / name).is_file():
                return folder / name
    raise ListMissing(
        f"Neither {root} nor its folder 'meta' has {' or '.join(names)}. "
        f"Give the list of {TITLES[protocol]} with --list."
    )


def _titled(made: Evaluated, protocol: Protocol) -> Evaluated:
    return replace(made, report=replace(made.report, protocol=f"{made.report.protocol}, {TITLES[protocol]}"))
