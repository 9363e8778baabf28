"""What an evaluation gives: the report, and the scores that its pictures and comparisons are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.protocols.open_set import Searches
from speakerid.evaluation.report.facts import Report
from speakerid.evaluation.trials.trial_list import TrialList


@dataclass(frozen=True)
class ScoredTrials:
    trials: TrialList
    scores: NDArray[np.floating]  # (n,)
    speakers: NDArray[np.intp] | None  # of its names
    are_llrs: bool


@dataclass(frozen=True)
class Answer:
    """Whom one probe was taken for in an identification protocol."""

    protocol: str
    probe: str
    spoken: str
    taken_for: str


@dataclass(frozen=True)
class Evaluated:
    report: Report
    verification: ScoredTrials | None = None
    answers: tuple[Answer, ...] = ()
    open_set: Searches | None = None
