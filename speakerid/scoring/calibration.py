"""Calibration: what a cosine means for one encoder, as a log likelihood ratio and as a false match rate.

The llr is an affine function of the cosine, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006). Thresholds come from
the measured cosines of different speakers: their quantiles, and above the highest twentieth a generalized Pareto
distribution (Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3, 1975).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import cosine
from speakerid.types import FloatArray


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
    """Valid only for embeddings of the encoder with this `fingerprint`."""

    slope: float
    intercept: float
    domains: tuple[str, ...]  # kinds of recordings that it was fitted on; none: a prior for any encoder
    targets: int  # comparisons of one speaker with themselves
    nontargets: int  # of different speakers
    fingerprint: str
    quantiles: tuple[Quantile, ...]  # of the scores of different speakers: fmr falling, score rising
    tail: Tail

    @property
    def is_generic(self) -> bool:
        return not self.domains

    def llr(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log likelihood ratio "same speaker" to "different speakers"; same shape as `scores`."""
        llrs: NDArray[np.float64] = self.slope * np.asarray(scores, np.float64) + self.intercept
        return llrs

    def compare(self, probes: FloatArray, enrolled: FloatArray) -> NDArray[np.float64]:
        """llrs `(p, n)` of embeddings `probes (p, dim)` against `enrolled (n, dim)`."""
        return self.llr(cosine(probes, enrolled))

    def score_for_fmr(self, fmr: float) -> float:
        """Score that a comparison of different speakers exceeds with probability `fmr` (0 < fmr < 1)."""
        if not 0.0 < fmr < 1.0:
            raise ValueError(f"need 0 < fmr < 1, got {fmr}")
        last = self.quantiles[-1]
        if fmr < last.fmr:
            return last.score + self.tail.excess(fmr / last.fmr)
        return float(np.interp(-fmr, [-one.fmr for one in self.quantiles], [one.score for one in self.quantiles]))

    def threshold_llr(self, fmr: float, shift: float = 0.0) -> float:
        """The llr at the score that different speakers exceed with probability `fmr`; `shift` is added to the score."""
        return self.slope * (self.score_for_fmr(fmr) + shift) + self.intercept

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Raises `KeyError`, `TypeError` or `ValueError` for anything that `to_dict` did not make."""
        quantiles = tuple(Quantile(**one) for one in fields["quantiles"])
        tail, domains = Tail(**fields["tail"]), tuple(fields["domains"])
        return cls(**fields | {"quantiles": quantiles, "tail": tail, "domains": domains})


# For an encoder that was never calibrated, wide on purpose: cosines of different speakers spread like a normal
# distribution of mean 0.10 and deviation 0.13.
_GENERIC = Calibration(
    slope=22.0,
    intercept=-22.0 * 0.45,
    domains=(),
    targets=0,
    nontargets=0,
    fingerprint="",
    quantiles=(
        Quantile(0.999, -0.302),
        Quantile(0.99, -0.202),
        Quantile(0.9, -0.067),
        Quantile(0.75, 0.012),
        Quantile(0.5, 0.100),
        Quantile(0.25, 0.188),
        Quantile(0.1, 0.267),
        Quantile(0.05, 0.314),
    ),
    tail=Tail(scale=0.062, shape=-0.12),  # within 0.01 of that distribution's down to an fmr of 1e-5
)


def generic(fingerprint: str) -> Calibration:
    """The prior to start from with the encoder of this `fingerprint`."""
    return replace(_GENERIC, fingerprint=fingerprint)
