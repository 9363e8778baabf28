"""Calibration: what a cosine means for one encoder, as a log likelihood ratio, and how high strangers score.

The llr is an affine function of the cosine, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import cosine
from speakerid.scoring.strangers import Strangers
from speakerid.types import FloatArray

WITHIN_FPIR = 0.15  # tried by `python -m benchmarks.recordings.diarization --fit`, as a stop of the clustering


@dataclass(frozen=True)
class Calibration:
    """Valid only for embeddings of the encoder with this `fingerprint`."""

    slope: float
    intercept: float
    strangers: Strangers  # how high people score who are not enrolled
    domains: tuple[str, ...]  # kinds of recordings that it was fitted on; none: a prior for any encoder
    targets: int  # comparisons of one speaker with themselves
    nontargets: int  # of different speakers
    fingerprint: str

    @property
    def is_generic(self) -> bool:
        return not self.domains

    def llr(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Natural log likelihood ratio "same speaker" to "different speakers"; same shape as `scores`."""
        llrs: NDArray[np.float64] = self.slope * np.asarray(scores, np.float64) + self.intercept
        return llrs

    def llr_within(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The same for two stretches of one recording, where few people speak: it is likelier one of them again.

        Zero is where few of those who are other people are as alike, whatever the encoder.
        """
        least = self.strangers.threshold(1, WITHIN_FPIR)
        llrs: NDArray[np.float64] = self.slope * (np.asarray(scores, np.float64) - least)
        return llrs

    def llr_of(self, score: float) -> float:
        """Of one score."""
        return self.slope * score + self.intercept

    def compare(self, probes: FloatArray, enrolled: FloatArray) -> NDArray[np.float64]:
        """llrs `(p, n)` of embeddings `probes (p, dim)` against `enrolled (n, dim)`."""
        return self.llr(cosine(probes, enrolled))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Raises `KeyError`, `TypeError` or `ValueError` for anything that `to_dict` did not make."""
        return cls(**fields | {"strangers": Strangers(**fields["strangers"]), "domains": tuple(fields["domains"])})


# For an encoder that was never calibrated, wide on purpose: what `python -m benchmarks.refit` prints for the encoders
# with names and all domains, rounded.
GENERIC = Calibration(
    slope=23.3,
    intercept=-12.5,
    strangers=Strangers(mean=0.2, growth=0.14, deviation=0.15, between=0.13, narrowing=0.22),
    domains=(),
    targets=0,
    nontargets=0,
    fingerprint="",
)


def generic(fingerprint: str) -> Calibration:
    """The prior to start from with the encoder of this `fingerprint`."""
    return replace(GENERIC, fingerprint=fingerprint)
