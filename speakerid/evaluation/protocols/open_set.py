"""Open-set identification: every second speaker is enrolled, the others are strangers."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.evaluation.backend import Backend
from speakerid.evaluation.protocols.task import Task, columns, voiceprints
from speakerid.scoring.curves import ErrorCurve, error_curve, operating_point
from speakerid.scoring.open_set import STRANGER, searches, top_k_accuracy

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


def open_set(task: Task, backend: Backend) -> tuple[OpenSet, ErrorCurve]:
    """Figures, and the curve of FNIR (`fnr`) over FPIR (`fpr`)."""
    enrolled = task.speakers[::2]
    prints = voiceprints(task.train.of(enrolled), enrolled)
    truth = columns(task.test.speakers, enrolled, STRANGER)
    scores = backend.matrix(task.test.voices, prints)
    own, known = searches(scores, truth)
    curve = error_curve(own, known)
    strangers = int((~known).sum())
    figures = OpenSet(
        protocol=NAME,
        enrolled=len(enrolled),
        known_probes=int(known.sum()),
        stranger_probes=strangers,
        rank_1=100 * top_k_accuracy(scores, truth),
        fnir_at=tuple(_at(curve, fpir, strangers) for fpir in FPIRS),
    )
    return figures, curve


def _at(curve: ErrorCurve, fpir: float, strangers: int) -> AtFpir:
    if strangers * fpir < 1.0:
        return AtFpir(fpir, None, None)
    point = operating_point(curve, fpir)
    return AtFpir(fpir, point.fnr, point.threshold)
