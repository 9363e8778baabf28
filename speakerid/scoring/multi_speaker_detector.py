"""One speaker or several? Embeddings of short windows of one recording, split in two and judged.

Two windows of one person are far less alike than two long utterances, and the best of all splits looks like two
people even where there is one. So the cosine between the two parts shows nothing by itself: its llr is fitted, beside
how much speech there is, on recordings of one person and of two (`calibration.coach_limits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.types import FloatArray

ROUNDS = 20  # of moving windows between the parts; a few are enough, and it must end


@dataclass(frozen=True)
class Parts:
    """The two parts of one recording that are least alike."""

    score: float  # cosine between the mean embeddings of the parts
    smaller_s: float  # speech in the smaller part


@dataclass(frozen=True)
class MultiSpeakerModel:
    """llr "two speakers" to "one" = bias + score * cosine + smaller * ln(smaller_s)."""

    bias: float
    score: float
    smaller: float

    def llr(self, parts: Parts) -> float:
        return self.bias + float(features(parts) @ np.array([self.score, self.smaller]))


def features(parts: Parts) -> NDArray[np.float64]:
    """`(2,)`: what `MultiSpeakerModel` weighs."""
    return np.array([parts.score, math.log(parts.smaller_s)])


def split(windows: FloatArray, speech_s: float) -> Parts:
    """Split embeddings `(n, dim)`, n > 1, of windows spread evenly over `speech_s` of speech."""
    if len(windows) < 2:
        raise ValueError(f"{len(windows)} windows cannot be split in two")
    second = _two_means(windows)
    share = min(second.mean(), 1.0 - second.mean())
    means = [voiceprint(windows[second == part]) for part in (False, True)]
    return Parts(float(cosine(means[0][None], means[1][None])[0, 0]), float(share) * speech_s)


def _two_means(windows: FloatArray) -> NDArray[np.bool_]:
    """`(n,)`: which windows are in the second part; both have some. Spherical k-means (Dhillon & Modha 2001) from
    the two windows that are least alike, so that the same recording always gives the same parts."""
    alike = cosine(windows, windows)
    first, other = np.unravel_index(np.argmin(alike), alike.shape)
    second: NDArray[np.bool_] = alike[:, other] > alike[:, first]
    second[first], second[other] = False, True
    for _ in range(ROUNDS):
        means = np.stack([voiceprint(windows[second == part]) for part in (False, True)])
        nearer = cosine(windows, means)
        moved: NDArray[np.bool_] = nearer[:, 1] > nearer[:, 0]
        if moved.all() or not moved.any() or (moved == second).all():
            break
        second = moved
    return second
