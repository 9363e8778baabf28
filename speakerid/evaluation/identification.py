"""Identification: closed-set by gallery search and by a linear head, open-set by search.

A linear head on frozen embeddings (in the manner of SUPERB's SID task: Yang et al., Interspeech 2021) learns the very
speakers it is asked about, which a service that enrolls people one by one cannot do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.backend import Backend
from speakerid.metrics.classification import STRANGER, Accuracy, accuracy, searches, top_k_accuracy
from speakerid.metrics.eer import ErrorCurve, error_curve, operating_point
from speakerid.scoring.cosine import voiceprint
from speakerid.types import FloatArray

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

FPIRS = (0.001, 0.01, 0.1)
OPEN_SET = "open-set search: every second speaker is enrolled from the training files, the others are strangers"
GALLERY_SEARCH = (
    "gallery search: nearest voiceprint, enrolled from the training files; not comparable with a linear head"
)
LINEAR_HEAD = (
    "linear head (SUPERB-like SID): softmax regression on frozen embeddings; not comparable with gallery search"
)
INVERSE_REGULARIZATIONS = (10.0, 100.0)  # of unit-length embeddings; the better one on the development files is taken
ITERATIONS = 2_000


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
    scores = backend.matrix(task.test.embeddings, prints)
    own, known = searches(scores, truth)
    found = Searches(task.test.names, task.test.speakers, own, known)
    curve = found.curve
    strangers = int((~known).sum())
    figures = OpenSet(
        protocol=OPEN_SET,
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


@dataclass(frozen=True)
class LabeledUtterances:
    """n utterances, and whose they are."""

    embeddings: FloatArray  # (n, dim)
    speakers: tuple[str, ...]
    names: tuple[str, ...]  # of the recordings

    def of(self, speakers: Sequence[str]) -> LabeledUtterances:
        chosen = np.isin(self.speakers, list(speakers))
        who, what = (tuple(np.array(one)[chosen].tolist()) for one in (self.speakers, self.names))
        return LabeledUtterances(self.embeddings[chosen], who, what)


@dataclass(frozen=True)
class IdentificationTask:
    train: LabeledUtterances
    dev: LabeledUtterances
    test: LabeledUtterances

    @property
    def speakers(self) -> list[str]:
        return sorted(set(self.train.speakers))


def columns(speakers: Sequence[str], enrolled: Sequence[str], absent: int) -> NDArray[np.intp]:
    """The place of each of `speakers` among `enrolled`; `absent` for others."""
    places = {name: place for place, name in enumerate(enrolled)}
    return np.array([places.get(name, absent) for name in speakers], np.intp)


def voiceprints(utterances: LabeledUtterances, speakers: Sequence[str]) -> FloatArray:
    """`(speakers, dim)`: one voiceprint for each of `speakers`, every utterance with the same weight."""
    owners = np.array(utterances.speakers)
    return np.stack([voiceprint(utterances.embeddings[owners == name]) for name in speakers])


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
    scores = backend.matrix(task.test.embeddings, voiceprints(task.train, names))
    figures = GallerySearch(
        protocol=GALLERY_SEARCH,
        speakers=len(names),
        enrolled_files=len(task.train.speakers),
        probes=len(task.test.speakers),
        accuracy=accuracy(scores, columns(task.test.speakers, names, STRANGER), names, resamples),
    )
    return figures, [names[column] for column in scores.argmax(axis=1)]


@dataclass(frozen=True)
class LinearHead:
    protocol: str
    speakers: int
    training_files: int
    probes: int
    inverse_regularization: float
    converged: bool
    accuracy: Accuracy


def linear_head(task: IdentificationTask, resamples: int) -> tuple[LinearHead, list[str]]:
    """Figures, and whom every probe was taken for."""
    names = task.speakers
    fitted = [_fit(task.train, names, strength) for strength in INVERSE_REGULARIZATIONS]
    best = max(fitted, key=lambda head: _share_right(head, task.dev, names)) if task.dev.speakers else fitted[-1]
    scores = _scores(best, task.test.embeddings)
    figures = LinearHead(
        protocol=LINEAR_HEAD,
        speakers=len(names),
        training_files=len(task.train.speakers),
        probes=len(task.test.speakers),
        inverse_regularization=float(best.C),
        converged=bool(best.n_iter_.max() < ITERATIONS),
        accuracy=accuracy(scores, columns(task.test.speakers, names, STRANGER), names, resamples),
    )
    return figures, [names[column] for column in scores.argmax(axis=1)]


def _fit(utterances: LabeledUtterances, names: list[str], strength: float) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression  # the extra `evaluate`: scores are evaluated without

    head = LogisticRegression(C=strength, max_iter=ITERATIONS)
    return head.fit(utterances.embeddings.astype(np.float64), columns(utterances.speakers, names, STRANGER))


def _scores(head: LogisticRegression, embeddings: FloatArray) -> NDArray[np.float64]:
    """`(n, speakers)` logits."""
    found: NDArray[np.float64] = head.decision_function(embeddings.astype(np.float64))
    return np.column_stack([-found, found]) if found.ndim == 1 else found  # of two classes it gives one column


def _share_right(head: LogisticRegression, utterances: LabeledUtterances, names: list[str]) -> float:
    answers = _scores(head, utterances.embeddings).argmax(axis=1)
    return float((answers == columns(utterances.speakers, names, STRANGER)).mean())
