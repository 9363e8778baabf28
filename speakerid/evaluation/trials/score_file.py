"""Score files that other tools wrote: WeSpeaker, SpeechBrain, 3D-Speaker, Kaldi."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import AmbiguousScores, LabelsMissing, ScoresIncomplete, named
from speakerid.evaluation.trials.layouts import SCORES, Layout, sniff, without_header
from speakerid.evaluation.trials.table import Table, read_table
from speakerid.evaluation.trials.trial_list import TrialList, checked, labels_of, read_trials, trials_of


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
        raise LabelsMissing(path)
    found = checked(trials_of(table, layout, labels_of(table, layout)))
    return Scored(found, _numbers(table, layout), layout.name)


def _layout(table: Table) -> Layout:
    left = sniff(table, SCORES)
    if len(left) > 1:
        raise AmbiguousScores(table.path)
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
