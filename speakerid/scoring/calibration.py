"""Calibration: what a raw cosine means for one encoder, as a log likelihood ratio and as a false match rate.

The llr is an affine function of the score, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006). Thresholds come from
the measured upper tail of the scores of different speakers, not from one Gaussian over all of them: scores of men with
women lie so far below the rest that it would ask for cosines above 1 at a false match rate of 0.001.
"""

from __future__ import annotations

import json
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

        Inside the measured tail it is interpolated; beyond it the last decade continues as a Gaussian tail of its own
        width. Held-out speakers (LibriSpeech, two encoders, 50 and 100 speakers to fit on) gave 0.9 to 1.3 times the
        rate asked for inside, 0 to 0.3 times a decade beyond. The score may exceed 1, which says that the development
        scores cannot support so low a rate.
        """
        if not 0.0 < fmr < 1.0:
            raise ValueError(f"need 0 < fmr < 1, got {fmr}")
        if len(self.tail) < 2:
            return self._gaussian_score(fmr)
        if fmr >= self.tail[0].fmr:
            return min(self.tail[0].score, self._gaussian_score(fmr))
        return self._tail_score(fmr)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        tail = tuple(TailPoint(**point) for point in fields.pop("tail", ()))
        return cls(**fields, tail=tail)

    def _gaussian_score(self, fmr: float) -> float:
        return NormalDist(self.nontarget_mean, self.nontarget_std).inv_cdf(1.0 - fmr)

    def _tail_score(self, fmr: float) -> float:
        """Linear in the normal deviate of the rate, between the tail's points and beyond the last."""
        deviates = [_deviate(point.fmr) for point in self.tail]
        scores = [point.score for point in self.tail]
        beyond = _deviate(fmr) - deviates[-1]
        if beyond <= 0:
            return float(np.interp(_deviate(fmr), deviates, scores))
        start = self._last_decade()
        return scores[-1] + beyond * (scores[-1] - scores[start]) / (deviates[-1] - deviates[start])

    def _last_decade(self) -> int:
        """Position of the tail point about ten times more frequent than the last: one outlier is no rule."""
        frequent = [i for i, point in enumerate(self.tail) if point.fmr >= 9.99 * self.tail[-1].fmr]
        return frequent[-1] if frequent else 0


def _deviate(fmr: float) -> float:
    """Standard normal deviate that is exceeded with probability `fmr`."""
    return -NormalDist().inv_cdf(fmr)
