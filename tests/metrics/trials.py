"""Score sets whose figures of merit are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from speakerid.metrics.eer import Flags, Floats, labelled


def gaussian_llrs(distance: float, count: int = 200_000) -> tuple[Floats, Flags]:
    """Calibrated llrs of N(distance, 1) against N(0, 1), at even quantiles instead of drawn: no sampling noise."""
    grid = ndtri((np.arange(count) + 0.5) / count)
    return labelled(distance * (grid + distance) - distance**2 / 2, distance * grid - distance**2 / 2)


def random_trials(seed: int, *, tied: bool, equal: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Up to 400 overlapping scores; `tied` rounds them to a few values, `equal` gives both kinds the same number."""
    rng = np.random.default_rng(seed)
    targets = int(rng.integers(2, 200))
    nontargets = targets if equal else int(rng.integers(2, 200))
    scores, same = labelled(rng.normal(rng.uniform(0, 3), 1, targets), rng.normal(0, 1, nontargets))
    return (np.round(scores, 1) if tied else scores), same
