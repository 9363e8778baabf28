"""Calibration: what a raw cosine means for one encoder, as a log likelihood ratio and as a false match rate.

The llr is an affine function of the score, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006). Thresholds come
from the measured scores of different speakers: their quantiles, and above the highest twentieth a generalized Pareto
distribution (Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3, 1975).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantile:
    """`fmr` of the comparisons between different speakers scored above `score`."""

    fmr: float
    score: float


@dataclass(frozen=True)
class Tail:
    """Above the last quantile: P(score > start + x | score > start) = (1 + shape x / scale)^(-1 / shape).

    `shape` is 0 for an exponential tail and negative for scores that end somewhere, as cosines do.
    """

    scale: float
    shape: float

    def excess(self, share: float) -> float:
        """What a `share` (0 < share <= 1) of the scores in the tail exceeds its start by."""
        if self.shape == 0.0:
            return -self.scale * math.log(share)
        return self.scale / self.shape * (math.pow(share, -self.shape) - 1.0)


@dataclass(frozen=True)
class Calibration:
    """Fitted by `scoring.fit.fit`; valid only for scores of the encoder with this `fingerprint`."""

    slope: float
    intercept: float
    fitted_on: str  # name of the development material
    targets: int  # comparisons of one speaker with himself
    nontargets: int  # of different speakers
    fingerprint: str
    quantiles: tuple[Quantile, ...]  # of the scores of different speakers: fmr falling, score rising
    tail: Tail

    def llr(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log likelihood ratio "same speaker" to "different speakers"; same shape as `scores`."""
        llrs: NDArray[np.float64] = self.slope * np.asarray(scores, np.float64) + self.intercept
        return llrs

    def score_for_fmr(self, fmr: float) -> float:
        """Score that a comparison of different speakers exceeds with probability `fmr` (0 < fmr < 1)."""
        if not 0.0 < fmr < 1.0:
            raise ValueError(f"need 0 < fmr < 1, got {fmr}")
        last = self.quantiles[-1]
        if fmr < last.fmr:
            return last.score + self.tail.excess(fmr / last.fmr)
        return float(np.interp(-fmr, [-one.fmr for one in self.quantiles], [one.score for one in self.quantiles]))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        quantiles = tuple(Quantile(**one) for one in fields.pop("quantiles"))
        tail = Tail(**fields.pop("tail"))
        return cls(**fields, quantiles=quantiles, tail=tail)
