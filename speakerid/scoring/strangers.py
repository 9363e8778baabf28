"""How high strangers score, by default and in one gallery: the threshold that a wanted error rate asks for.

A stranger's best cosine among n enrolled speakers is about normal within one kind of recordings. Its mean grows with n
as the expected maximum of n standard normal numbers does, and differs from one kind of recordings to the next; its
deviation narrows. What it is in a gallery, its own speakers show: each enrolled utterance asked as a stranger among the
others. A few speakers show little of rare scores, so the default counts like a number of further ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DEFAULT_SPEAKERS = 15.0  # as many speakers as the default counts like
MIN_SPEAKERS = 2
ONE_PERSON_FPIR = 0.001  # a best score so rare among strangers is of one person under two names
NORMAL = NormalDist()


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
