"""What a gallery's own speakers say about strangers, and how far that moves the threshold.

Each enrolled utterance is asked as a stranger is: what is its best score among the other speakers' voiceprints? Their
distribution is this gallery's own, with its microphones and rooms, where the default comes from other recordings. A few
speakers say little about rare scores, so the default counts like a number of further ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.calibration import Calibration
from speakerid.scoring.decision import fmr_for_fpir

DEFAULT_SPEAKERS = 20.0  # as many speakers as the default counts like
MIN_SPEAKERS = 5
ONE_PERSON_LLR = 10.0  # beyond it the best score is of one person under two names, who says nothing about strangers
NORMAL_MAD = 1.4826  # standard deviations of a normal distribution in its median absolute deviation


@dataclass(frozen=True)
class OwnStrangers:
    """Best scores of enrolled utterances among `compared` other speakers: as a normal distribution."""

    speakers: int  # whose utterances they are
    compared: int
    mean: float
    deviation: float

    def score(self, target_fpir: float) -> float:
        """That a stranger compared with `compared` speakers reaches with probability `target_fpir`."""
        return self.mean + NormalDist().inv_cdf(1.0 - target_fpir) * self.deviation


def own_strangers(
    best: NDArray[np.floating], speaker: NDArray[np.integer], compared: int, default: Calibration
) -> OwnStrangers | None:
    """`best (u,)` cosines of u utterances, whose they are `(u,)`. None for too few speakers."""
    kept = default.llr(best) < ONE_PERSON_LLR
    scores, speakers = np.asarray(best, np.float64)[kept], len(np.unique(speaker[kept]))
    if speakers < MIN_SPEAKERS:
        return None
    middle = float(np.median(scores))
    return OwnStrangers(speakers, compared, middle, NORMAL_MAD * float(np.median(np.abs(scores - middle))))


def shift(own: OwnStrangers | None, default: Calibration, target_fpir: float) -> float:
    """To be added to every threshold of the default, as a cosine: towards the gallery's own by its speakers."""
    if own is None:
        return 0.0
    usual = default.score_for_fmr(fmr_for_fpir(target_fpir, own.compared))
    return own.speakers / (own.speakers + DEFAULT_SPEAKERS) * (own.score(target_fpir) - usual)
