"""Open-set identification: every second speaker is enrolled, the others are strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.backend import Backend
from speakerid.evaluation.protocols.task import IdentificationTask, columns, voiceprints
from speakerid.metrics.curves import ErrorCurve, error_curve, operating_point
from speakerid.metrics.open_set import STRANGER, searches, top_k_accuracy

FPIRS = (0.001, 0.01, 0.1)
NAME = "open-set search: every second speaker is enrolled from the training files, the others are strangers"


@dataclass(frozen=True)
class AtFpir:
    """`fnir` and `threshold` are None when the strangers are too few to see an error as rare as `fpir`."""

    fpir: float
    fnir: float | None
    threshold: float | None


@dataclass(frozen=True)
class OpenSet:
    protocol: str
    enrolled: int  # speakers
    known_probes: int
    stranger_probes: int
    rank_1: float  # percent of the known probes whose best candidate is right, at whatever score
    fnir_at: tuple[AtFpir, ...]


@dataclass(frozen=True)
class Searches:
    """n probes: the score of the right speaker, -inf where another one is the best; of a stranger, the best score."""

    probes: tuple[str, ...]
    spoken: tuple[str, ...]
    scores: NDArray[np.float64]  # (n,)
    known: NDArray[np.bool_]  # (n,) false for strangers

    @property
    def curve(self) -> ErrorCurve:
        """FNIR (`fnr`) over FPIR (`fpr`). Raises ClassMissing."""
        return error_curve(self.scores, self.known)


def open_set(task: IdentificationTask, backend: Backend) -> tuple[OpenSet, Searches]:
    """Raises ClassMissing without probes of either kind."""
    enrolled = task.speakers[::2]
    prints = voiceprints(task.train.of(enrolled), enrolled)
    truth = columns(task.test.speakers, enrolled, STRANGER)
    scores = backend.matrix(task.test.voices, prints)
    own, known = searches(scores, truth)
    found = Searches(task.test.names, task.test.speakers, own, known)
    curve = found.curve
    strangers = int((~known).sum())
    figures = OpenSet(
        protocol=NAME,
        enrolled=len(enrolled),
        known_probes=int(known.sum()),
        stranger_probes=strangers,
        rank_1=100 * top_k_accuracy(scores, truth),
        fnir_at=tuple(_at(curve, fpir, strangers) for fpir in FPIRS),
    )
    return figures, found


def _at(curve: ErrorCurve, fpir: float, strangers: int) -> AtFpir:
    if too_rare(fpir, strangers):
        return AtFpir(fpir, None, None)
    point = operating_point(curve, fpir)
    return AtFpir(fpir, point.fnr, point.threshold)


def too_rare(fpir: float, strangers: int) -> bool:
    """Whether so few strangers cannot show such errors: the figure would be that of another FPIR."""
    return strangers * fpir < 1.0
