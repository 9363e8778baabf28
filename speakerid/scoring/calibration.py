"""Calibration: what a cosine means for one encoder, as a log likelihood ratio, and how high strangers score.

The llr is an affine function of the cosine, fitted by prior-weighted logistic regression (Brümmer & du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006).

A stranger's best cosine among n enrolled speakers is about normal within one kind of recordings. Its mean grows with n
as the expected maximum of n standard normal numbers does, and differs from one kind of recordings to the next; its
deviation narrows. What it is in a gallery, its own speakers show: each enrolled utterance asked as a stranger among the
others. A few speakers show little of rare scores, so the default counts like a number of further ones.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import cosine
from speakerid.types import FloatArray

DEFAULT_SPEAKERS = 15.0  # as many speakers as the default counts like
MIN_SPEAKERS = 2
ONE_PERSON_FPIR = 0.001  # a best score so rare among strangers is of one person under two names
NORMAL = NormalDist()
WITHIN_FPIR = 0.15  # tried by `python -m benchmarks.recordings.diarization --fit`, as a stop of the clustering


def expected_maximum(n: float) -> float:
    """Of n standard normal numbers (Blom, "Statistical estimates and transformed beta-variables", 1958); 0 for one."""
    return NORMAL.inv_cdf((max(n, 1.0) - 0.375) / (max(n, 1.0) + 0.25))


@dataclass(frozen=True)
class Strangers:
    """All cosines. `mean + growth * expected_maximum(n)` is the mean of the best among n speakers."""

    mean: float
    growth: float
    deviation: float  # within one kind of recordings
    between: float  # of `mean` from one kind of recordings to another
    narrowing: float = 0.0  # `deviation * exp(-narrowing * expected_maximum(n))` is that of the best among n

    def threshold(self, compared: float, fpir: float) -> float:
        """What a stranger's best score among `compared` speakers exceeds with chance `fpir` (0 < fpir < 1).

        Raises `ValueError` for another `fpir`.
        """
        if not 0.0 < fpir < 1.0:
            raise ValueError(f"need 0 < fpir < 1, got {fpir}")
        # One speaker's is exceeded by the best of several all the more, where the model would narrow too fast.
        return max(self._quantile(one, -NORMAL.inv_cdf(fpir)) for one in (1.0, compared))

    def taught(self, own: OwnStrangers | None, compared: float, fpir: float) -> float:
        """The same in the gallery whose speakers score as `own` says."""
        usual = self.threshold(compared, fpir)
        if own is None:
            return usual
        mean = own.mean + self._mean(compared) - self._mean(own.compared)
        deviation = own.deviation * self._narrowed(compared) / self._narrowed(own.compared)
        share = own.speakers / (own.speakers + DEFAULT_SPEAKERS)
        return (1.0 - share) * usual + share * (mean - NORMAL.inv_cdf(fpir) * deviation)

    def _quantile(self, compared: float, deviations: float) -> float:
        return self._mean(compared) + deviations * math.hypot(self.deviation * self._narrowed(compared), self.between)

    def _mean(self, compared: float) -> float:
        return self.mean + self.growth * expected_maximum(compared)

    def _narrowed(self, compared: float) -> float:
        return math.exp(-self.narrowing * expected_maximum(compared))


@dataclass(frozen=True)
class OwnStrangers:
    """Best scores of enrolled utterances, each among `compared` other speakers of its gallery."""

    speakers: int  # whose utterances they are
    compared: int
    mean: float
    deviation: float


def own_strangers(
    best: NDArray[np.floating], speaker: NDArray[np.integer], compared: int, default: Strangers
) -> OwnStrangers | None:
    """`best (u,)` cosines of u utterances, whose they are `(u,)`. None for too few speakers."""
    kept = best < default.threshold(compared, ONE_PERSON_FPIR)
    scores, speakers = np.asarray(best, np.float64)[kept], len(np.unique(speaker[kept]))
    if speakers < MIN_SPEAKERS:
        return None
    return OwnStrangers(speakers, compared, float(scores.mean()), float(scores.std()))


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
