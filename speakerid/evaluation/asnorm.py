"""Adaptive symmetric score normalization, for the evaluator alone: published figures quote it.

Every embedding is compared with a cohort of other speakers; its `top` highest scores say how easily it resembles
strangers. A score is counted in their standard deviations above their mean, from both sides (Matějka et al., "Analysis
of score normalization in multilingual speaker recognition", Interspeech 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

Places = NDArray[np.integer]

CHUNK = 1_024  # embeddings compared with the cohort at a time
LEAST_STD = 1e-3  # a cohort of one embedding repeated would divide by zero
ITSELF = 0.98  # cosine from which a row of the cohort is the compared recording itself, which says nothing


@dataclass(frozen=True)
class CohortStatistics:
    """Mean and standard deviation `(n,)` of the highest scores of n embeddings against a cohort; indexed alike."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def __getitem__(self, rows: Places | tuple[slice | None, slice | None]) -> CohortStatistics:
        return CohortStatistics(self.mean[rows], self.std[rows])


def statistics(embeddings: FloatArray, cohort: FloatArray, top: int) -> CohortStatistics:
    """`embeddings (n, dim)` against `cohort (c, dim)`, all L2-normalized. Raises `ValueError` for an empty cohort."""
    size = len(cohort)
    if not size or top < 1:
        raise ValueError(f"need a cohort and top >= 1, got {size} embeddings and top {top}")
    top = min(top, size)
    means, stds = np.empty(len(embeddings)), np.empty(len(embeddings))
    for start in range(0, len(embeddings), CHUNK):
        rows = slice(start, start + CHUNK)
        scores = embeddings[rows] @ cohort.T
        scores[scores > ITSELF] = -1.0
        highest = np.partition(scores, size - top, axis=1)[:, size - top :]
        means[rows] = highest.mean(axis=1, dtype=np.float64)
        stds[rows] = highest.std(axis=1, dtype=np.float64)
    return CohortStatistics(means, np.maximum(stds, LEAST_STD))


def normalize(scores: NDArray[np.floating], one: CohortStatistics, other: CohortStatistics) -> NDArray[np.float64]:
    """`scores` of pairs whose sides have the statistics `one` and `other`, of the same shape or to be broadcast."""
    both: NDArray[np.float64] = 0.5 * ((scores - one.mean) / one.std + (scores - other.mean) / other.std)
    return both
