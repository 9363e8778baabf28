"""VoxCeleb1's protocols: which list belongs to which, and what its figures may be called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

from speakerid.evaluation import contamination
from speakerid.evaluation.contamination import TITLES, Protocol
from speakerid.evaluation.corpora.sniff import open_corpus
from speakerid.evaluation.corpora.split import read_iden_split
from speakerid.evaluation.errors import ListMissing
from speakerid.evaluation.evaluated import Evaluated
from speakerid.evaluation.run import Run
from speakerid.evaluation.trials import known
from speakerid.evaluation.trials.trial_list import read_trials

SPLIT_FILE = "iden_split.txt"
SPLIT_FILES = 153_516  # utterances of all 1,251 speakers


def evaluate(run: Run, root: Path, protocol: Protocol, listed: Path | None, *, allow_contaminated: bool) -> Evaluated:
    """Raises ContaminatedEncoder before anything slow begins, ListMissing, and what `Run` raises."""
    stamps = contamination.guard(run.stage.encoder, protocol, allow=allow_contaminated)
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
    told = known.warning(cast(known.Verification, protocol), len(trials))
    if protocol == "O" and contamination.asked_about(trials.names) == "E":  # another list was given for O
        stamps = contamination.guard(run.stage.encoder, "E", allow=allow_contaminated)
    run = replace(run, stamps=(*run.stamps, *stamps, *([told] if told else [])))
    return _titled(run.verification(open_corpus(root), trials), protocol)


def evaluate_list(run: Run, root: Path, listed: Path, *, allow_contaminated: bool) -> Evaluated:
    """Any trial list; the guard stands before VoxCeleb1's voices here too. Raises as `evaluate`."""
    trials = read_trials(listed)
    return guarded(run, trials.names, allow_contaminated=allow_contaminated).verification(open_corpus(root), trials)


def guarded(run: Run, names: Iterable[str], *, allow_contaminated: bool) -> Run:
    """For recordings of VoxCeleb1, whatever asks about them. Raises ContaminatedEncoder."""
    found = contamination.asked_about(names)
    stamps = contamination.guard(run.stage.encoder, found, allow=allow_contaminated) if found else []
    return replace(run, stamps=(*run.stamps, *stamps))


def find_list(root: Path, protocol: Protocol) -> Path:
    """In the corpus or beside it, the cleaned list first. Raises ListMissing, naming what was looked for."""
    names = known.FILES.get(protocol, [SPLIT_FILE])
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
