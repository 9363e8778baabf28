"""Closed-set identification by a linear layer on frozen embeddings, in the manner of SUPERB's SID task.

Yang et al., "SUPERB: Speech processing universal performance benchmark", Interspeech 2021. The layer learns the very
speakers it is asked about, which a service that enrolls people one by one cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speakerid.evaluation.protocols.answers import Accuracy, accuracy
from speakerid.evaluation.protocols.task import IdentificationTask, LabeledUtterances, columns
from speakerid.metrics.open_set import STRANGER
from speakerid.types import FloatArray

NAME = "linear head (SUPERB-like SID): softmax regression on frozen embeddings; not comparable with gallery search"
INVERSE_REGULARIZATIONS = (10.0, 100.0)  # of unit-length embeddings; the better one on the development files is taken
ITERATIONS = 2_000


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
    scores = _scores(best, task.test.voices)
    figures = LinearHead(
        protocol=NAME,
        speakers=len(names),
        training_files=len(task.train.speakers),
        probes=len(task.test.speakers),
        inverse_regularization=float(best.C),
        converged=bool(best.n_iter_.max() < ITERATIONS),
        accuracy=accuracy(scores, columns(task.test.speakers, names, STRANGER), names, resamples),
    )
    return figures, [names[column] for column in scores.argmax(axis=1)]


def _fit(spoken: LabeledUtterances, names: list[str], strength: float) -> LogisticRegression:
    head = LogisticRegression(C=strength, max_iter=ITERATIONS)
    return head.fit(spoken.voices.astype(np.float64), columns(spoken.speakers, names, STRANGER))


def _scores(head: LogisticRegression, embeddings: FloatArray) -> NDArray[np.float64]:
    """`(n, speakers)` logits."""
    found: NDArray[np.float64] = head.decision_function(embeddings.astype(np.float64))
    return np.column_stack([-found, found]) if found.ndim == 1 else found  # of two classes it gives one column


def _share_right(head: LogisticRegression, spoken: LabeledUtterances, names: list[str]) -> float:
    answers = _scores(head, spoken.voices).argmax(axis=1)
    return float((answers == columns(spoken.speakers, names, STRANGER)).mean())
