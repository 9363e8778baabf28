"""Calibration: what a score means for one encoder, as a log likelihood ratio and as a false match rate.

The llr is an affine function of the score and of quality measures, fitted by prior-weighted logistic regression
(Brümmer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006).
Thresholds come from the measured scores of different speakers: their quantiles, and above the highest twentieth a
generalized Pareto distribution (Pickands, "Statistical inference using extreme order statistics", Annals of Statistics
3, 1975).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Score = Literal["cosine", "asnorm"]


@dataclass(frozen=True)
class Quantile:
    """`fmr` of the comparisons between different speakers score above `score`."""

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
    """Fitted by `scoring.fit.fit`; valid only for the encoder with this `fingerprint` and, with AS-norm, its cohort."""

    score: Score
    slope: float
    intercept: float
    quality: tuple[float, ...]  # weights of `quality.MEASURES`; empty where they are not used
    fitted_on: str  # name of the development material
    targets: int  # comparisons of one speaker with himself
    nontargets: int  # of different speakers
    fingerprint: str
    cohort: str | None  # digest of the cohort that the scores were normalized with
    quantiles: tuple[Quantile, ...]  # of the scores of different speakers: fmr falling, score rising
    tail: Tail

    def llr(self, scores: NDArray[np.floating], measures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Natural log likelihood ratio "same speaker" to "different speakers"; same shape as `scores`.

        `measures (..., 3)` of the probes, to be broadcast over `scores`; without effect where they are not used.
        """
        llrs: NDArray[np.float64] = self.slope * np.asarray(scores, np.float64) + self.intercept
        return llrs + measures @ np.array(self.quality) if self.quality else llrs

    def score_for_fmr(self, fmr: float) -> float:
        """Score that a comparison of different speakers exceeds with probability `fmr` (0 < fmr < 1)."""
        if not 0.0 < fmr < 1.0:
            raise ValueError(f"need 0 < fmr < 1, got {fmr}")
        last = self.quantiles[-1]
        if fmr < last.fmr:
            return last.score + self.tail.excess(fmr / last.fmr)
        return float(np.interp(-fmr, [-one.fmr for one in self.quantiles], [one.score for one in self.quantiles]))

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        quantiles = tuple(Quantile(**one) for one in fields["quantiles"])
        quality, tail = tuple(fields["quality"]), Tail(**fields["tail"])
        return cls(**fields | {"quantiles": quantiles, "quality": quality, "tail": tail})


def to_json(calibrations: Iterable[Calibration]) -> str:
    return json.dumps([asdict(one) for one in calibrations], indent=1)


def from_json(text: str) -> tuple[Calibration, ...]:
    """Raises `ValueError`, `KeyError` or `TypeError` for anything that `to_json` did not write."""
    return tuple(Calibration.from_dict(one) for one in json.loads(text))
