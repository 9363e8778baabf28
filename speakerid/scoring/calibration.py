"""Calibration: what a raw cosine means for one encoder, as a log likelihood ratio and as a false match rate.

The llr is an affine function of the score, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006). Thresholds
come from the measured upper tail of different speakers' scores, not from a Gaussian, whose tail is too thin.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TailPoint:
    """`fmr` of the comparisons between different speakers scored above `score`."""

    fmr: float
    score: float


@dataclass(frozen=True)
class Calibration:
    """Fitted by `scoring.fit.fit`; valid only for scores of the encoder with this `fingerprint`."""

    slope: float
    intercept: float
    nontarget_mean: float  # scores of different speakers
    nontarget_std: float
    fitted_on: str  # name of the development material
    targets: int  # comparisons of one speaker with himself
    nontargets: int
    fingerprint: str
    tail: tuple[TailPoint, ...] = ()  # fmr falling, score rising

    def llr(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log likelihood ratio "same speaker" to "different speakers"; same shape as `scores`."""
        llrs: NDArray[np.float64] = self.slope * np.asarray(scores, np.float64) + self.intercept
        return llrs

    def score_for_fmr(self, fmr: float) -> float:
        """Score that a comparison of different speakers reaches with probability `fmr` (0 < fmr < 1).

        Inside the measured tail: interpolated. Beyond it: an exponential tail (log fmr linear in the score),
        which is thicker than a Gaussian and so errs on the side of refusing; the score may then exceed 1, which
        says that the development scores cannot support so low a rate.
        """
        if not 0.0 < fmr < 1.0:
            raise ValueError(f"need 0 < fmr < 1, got {fmr}")
        if len(self.tail) < 2:
            return self._gaussian_score(fmr)
        if fmr >= self.tail[0].fmr:
            return min(self.tail[0].score, self._gaussian_score(fmr))
        return self._tail_score(math.log(fmr))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        tail = tuple(TailPoint(**point) for point in fields.pop("tail", ()))
        return cls(**fields, tail=tail)

    def _gaussian_score(self, fmr: float) -> float:
        return NormalDist(self.nontarget_mean, self.nontarget_std).inv_cdf(1.0 - fmr)

    def _tail_score(self, log_fmr: float) -> float:
        logs = [math.log(point.fmr) for point in self.tail]
        scores = [point.score for point in self.tail]
        if log_fmr >= logs[-1]:
            return float(np.interp(-log_fmr, [-log for log in logs], scores))
        return scores[-1] + (logs[-1] - log_fmr) * _scale(logs, scores)


def _scale(logs: list[float], scores: list[float]) -> float:
    """Score per unit of -log fmr over the last decade of the tail: enough that one outlier is no rule."""
    start = max(i for i, log in enumerate(logs[:-1]) if i == 0 or log - logs[-1] >= math.log(10.0) - 1e-9)
    return (scores[-1] - scores[start]) / (logs[start] - logs[-1])
