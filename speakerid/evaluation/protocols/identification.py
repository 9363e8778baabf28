"""Closed-set identification by search: every speaker is enrolled from the training files, as a user would."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.evaluation.backend import Backend
from speakerid.evaluation.protocols.answers import Accuracy, accuracy
from speakerid.evaluation.protocols.task import IdentificationTask, columns, voiceprints
from speakerid.metrics.open_set import STRANGER

NAME = "gallery search: nearest voiceprint, enrolled from the training files; not comparable with a linear head"


@dataclass(frozen=True)
class GallerySearch:
    protocol: str
    speakers: int
    enrolled_files: int
    probes: int
    accuracy: Accuracy


def search(task: IdentificationTask, backend: Backend, resamples: int) -> tuple[GallerySearch, list[str]]:
    """Figures, and whom every probe was taken for."""
    names = task.speakers
    scores = backend.matrix(task.test.voices, voiceprints(task.train, names))
    figures = GallerySearch(
        protocol=NAME,
        speakers=len(names),
        enrolled_files=len(task.train.speakers),
        probes=len(task.test.speakers),
        accuracy=accuracy(scores, columns(task.test.speakers, names, STRANGER), names, resamples),
    )
    return figures, [names[column] for column in scores.argmax(axis=1)]
