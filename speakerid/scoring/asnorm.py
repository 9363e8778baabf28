"""Adaptive symmetric score normalization against a cohort of other voices.

Every voice is compared with the cohort; its `top` highest scores say how easily it resembles strangers. A score is
counted in their standard deviations above their mean, from both sides (Matějka et al., "Analysis of score normalization
in multilingual speaker recognition", Interspeech 2017). Strangers who were heard otherwise than the other side score
otherwise, so a cohort may have parts (`cohort.Part`): the caller takes the one that was heard like the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

Places = NDArray[np.integer]

CHUNK = 1_024  # voices compared with the cohort at a time
LEAST_STD = 1e-3  # a cohort of one voice repeated would divide by zero
ITSELF = 0.98  # cosine from which a voice of the cohort is the compared recording itself, which says nothing


@dataclass(frozen=True)
class CohortStatistics:
    """Of n voices against a cohort: mean and standard deviation of the highest scores of each.

    `(n,)`, or `(n, k)` against each of k parts of it.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def __getitem__(self, rows: slice | Places | tuple[Places, Places]) -> CohortStatistics:
        return CohortStatistics(self.mean[rows], self.std[rows])

    @classmethod
    def by_part(cls, parts: Sequence[CohortStatistics]) -> CohortStatistics:
        return cls(*(np.stack(one, axis=1) for one in zip(*((part.mean, part.std) for part in parts), strict=True)))


def statistics(voices: FloatArray, cohort: FloatArray, top: int) -> CohortStatistics:
    """`voices (n, dim)` against `cohort (dim, c)`, all L2-normalized. Raises `ValueError` for an empty cohort."""
    size = cohort.shape[1]
    if not size or top < 1:
        raise ValueError(f"need a cohort and top >= 1, got {size} voices and top {top}")
    top = min(top, size)
    means, stds = np.empty(len(voices)), np.empty(len(voices))
    for start in range(0, len(voices), CHUNK):
        rows = slice(start, start + CHUNK)
        scores = voices[rows] @ cohort
        scores[scores > ITSELF] = -1.0
        highest = np.partition(scores, size - top, axis=1)[:, size - top :]
        means[rows] = highest.mean(axis=1, dtype=np.float64)
        stds[rows] = highest.std(axis=1, dtype=np.float64)
    return CohortStatistics(means, np.maximum(stds, LEAST_STD))


def in_cohort(voices: FloatArray, cohort: FloatArray) -> NDArray[np.bool_]:
    """`(n,)` for `voices (n, dim)`: whether `cohort (dim, c)` holds that very recording."""
    starts = range(0, len(voices), CHUNK)
    found = [(voices[start : start + CHUNK] @ cohort > ITSELF).any(axis=1) for start in starts]
    return np.concatenate(found) if found else np.zeros(0, np.bool_)


def normalize(
    scores: NDArray[np.floating], probes: CohortStatistics, enrolled: CohortStatistics
) -> NDArray[np.float64]:
    """`scores (p, n)` of p probes against n enrolled voices, in standard deviations; the mean of both sides' view."""
    from_probe = (scores - probes.mean[:, None]) / probes.std[:, None]
    from_enrolled = (scores - enrolled.mean[None, :]) / enrolled.std[None, :]
    both: NDArray[np.float64] = 0.5 * (from_probe + from_enrolled)
    return both


def normalize_pairs(
    scores: NDArray[np.floating], one: CohortStatistics, other: CohortStatistics
) -> NDArray[np.float64]:
    """The same for `scores (n,)` of n pairs, whose sides have the statistics `one` and `other`, both of n voices."""
    both: NDArray[np.float64] = 0.5 * ((scores - one.mean) / one.std + (scores - other.mean) / other.std)
    return both
