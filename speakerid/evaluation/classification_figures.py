"""The figures of a classifier's answers: accuracy and its intervals, labels, speakers, confusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.metrics.classification import Accuracy, LearningPoint, PerName, accuracy, confusion_matrix


@dataclass(frozen=True)
class ClassifiedRecordings:
    """p recordings: `probabilities (p, labels)`, the right column of each `truth (p,)`, and who speaks."""

    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.intp]
    speakers: NDArray[np.str_] | None  # None: not known
    names: tuple[str, ...] = ()  # of the files, where they are known

    @property
    def answers(self) -> NDArray[np.intp]:
        found: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return found


@dataclass(frozen=True)
class LabelFigures:
    """In percent; recall and F1 are None where no one spoke it."""

    label: str
    recordings: int
    precision: float
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class SpeakerSpread:
    """The accuracy of each speaker's recordings, in percent."""

    speakers: int
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    most: float


@dataclass(frozen=True)
class ClassificationFigures:
    protocol: str
    recordings: int
    labels: int  # of the classifier
    speakers: int | None  # None: not known, so there are no intervals either
    audio_s: float | None
    took_s: float | None
    below_threshold: float  # percent: would be answered with no label
    accuracy: Accuracy
    names: tuple[str, ...]  # labels that occur, in the order of `by_label` and the matrix
    by_label: tuple[LabelFigures, ...]
    by_speaker: SpeakerSpread | None
    confusion_matrix: tuple[tuple[int, ...], ...]  # a row for what was spoken, a column for what it was taken for
    learning_curve: tuple[LearningPoint, ...] = ()


def classification_figures(
    found: ClassifiedRecordings,
    *,
    protocol: str,
    threshold: float,
    resamples: int,
    audio_s: float | None = None,
    took_s: float | None = None,
    learning_curve: tuple[LearningPoint, ...] = (),
) -> ClassificationFigures:
    count = None if found.speakers is None else len(np.unique(found.speakers))
    drawn = resamples if count is not None and count > 1 else 0  # of one speaker every resample is the same
    matrix = confusion_matrix(found.answers, found.truth, len(found.labels))
    occurring = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    names = tuple(found.labels[place] for place in occurring)
    return ClassificationFigures(
        protocol=protocol,
        recordings=len(found.truth),
        labels=len(found.labels),
        speakers=count,
        audio_s=audio_s,
        took_s=took_s,
        below_threshold=100 * float((found.probabilities.max(axis=1) < threshold).mean()),
        accuracy=accuracy(found.probabilities, found.truth, found.labels, drawn, found.speakers),
        names=names,
        by_label=_by_label(matrix[np.ix_(occurring, occurring)], names),
        by_speaker=None if found.speakers is None else _spread(found.answers == found.truth, found.speakers),
        confusion_matrix=tuple(tuple(map(int, row)) for row in matrix[np.ix_(occurring, occurring)]),
        learning_curve=learning_curve,
    )


def _by_label(matrix: NDArray[np.float64], names: Sequence[str]) -> tuple[LabelFigures, ...]:
    found = PerName.of(matrix)
    rows = zip(names, matrix.sum(axis=1), found.precision, found.recall, found.f1, strict=True)
    return tuple(
        LabelFigures(name, int(count), float(precision), *(float(one) if count else None for one in (recall, f1)))
        for name, count, precision, recall, f1 in rows
    )


def _spread(right: NDArray[np.bool_], speakers: NDArray[np.str_]) -> SpeakerSpread:
    _, places = np.unique(speakers, return_inverse=True)
    shares = 100 * np.bincount(places, right) / np.bincount(places)
    return SpeakerSpread(len(shares), *map(float, np.quantile(shares, [0.0, 0.25, 0.5, 0.75, 1.0])))
