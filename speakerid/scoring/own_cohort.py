"""AS-norm against the gallery's own voiceprints, looked up at the time of the question: no copy of them is kept.

Whoever takes part in a comparison counts in neither side's statistics, by key and not by likeness: the enrolled
speaker, and the probe's where that is known, as when a gallery is calibrated on its own utterances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import CohortInvalid
from speakerid.scoring.asnorm import LEAST_STD, CohortStatistics, normalize_pairs
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Keys, Side
from speakerid.types import FloatArray

OWN = "gallery"  # what `Calibration.cohort` says instead of a digest
TOP = 50  # of a few hundred voices; more of them are no longer near (docs/decisions/0007)
MIN_SPEAKERS = 100  # twice TOP, so that the mean is not that of everybody
LEFT_OUT = 2  # speakers that a comparison is of

# Embeddings (m, dim) and k: keys and cosines (m, k) of the nearest voiceprints, best first.
Nearest = Callable[[FloatArray, int], tuple[Keys, FloatArray]]


@dataclass(frozen=True, kw_only=True)
class OwnCohortScorer(Scorer):
    """Raises CohortInvalid for a calibration that was fitted with a cohort."""

    nearest: Nearest
    top: int = TOP

    def __post_init__(self) -> None:
        if self.calibration.cohort != OWN:
            raise CohortInvalid("The calibration was fitted with a cohort of its own. Fit it again.")

    def _normalized(self, cosines: FloatArray, probes: Side, enrolled: Side) -> NDArray[np.float64]:
        keys, scores = self.nearest(np.concatenate([probes.embeddings, enrolled.embeddings]), self.top + LEFT_OUT)
        pairs = np.stack(np.broadcast_arrays(_keys(probes)[:, None], _keys(enrolled)[None, :]), axis=2)
        rows, others = slice(None, len(probes)), slice(len(probes), None)
        of_probes = without(keys[rows], scores[rows], pairs, self.top)
        of_enrolled = without(keys[others], scores[others], pairs.swapaxes(0, 1), self.top)
        return normalize_pairs(cosines, of_probes, CohortStatistics(of_enrolled.mean.T, of_enrolled.std.T))


def without(keys: Keys, scores: FloatArray, left: Keys, top: int) -> CohortStatistics:
    """`(m, n)`: of the `top` best of `scores (m, k)`, whose voices are `keys (m, k)`, without `left (m, n, l)`.

    Raises `ValueError` where nothing is left.
    """
    mean, std = np.empty(left.shape[:2]), np.empty(left.shape[:2])
    for row, (names, values) in enumerate(zip(keys, scores.astype(np.float64), strict=True)):
        kept = (names != left[row][:, :, None]).all(axis=1)
        counted = kept & (kept.cumsum(axis=1) <= top)
        count = counted.sum(axis=1)
        if not count.all():
            raise ValueError("no voice is left to compare with")
        mean[row] = counted @ values / count
        std[row] = np.sqrt(np.maximum(counted @ values**2 / count - mean[row] ** 2, 0.0))
    return CohortStatistics(mean, np.maximum(std, LEAST_STD))


def _keys(side: Side) -> Keys:
    return np.full(len(side), -1) if side.keys is None else side.keys
