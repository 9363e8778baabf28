"""Detection costs (NIST speaker recognition evaluations): minDCF and the cost of decisions at the Bayes threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from speakerid.metrics.eer import ErrorCurve, Weights, error_rates


@dataclass(frozen=True)
class Cost:
    """An application: how likely a target is, and what each error costs (NIST speaker recognition evaluations)."""

    p_target: float = 0.01
    c_miss: float = 1.0
    c_fa: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.p_target < 1.0 and self.c_miss > 0.0 and self.c_fa > 0.0):
            raise ValueError(f"need 0 < p_target < 1 and costs above 0, got {self}")

    @property
    def miss(self) -> float:
        return self.c_miss * self.p_target

    @property
    def false_alarm(self) -> float:
        return self.c_fa * (1.0 - self.p_target)

    @property
    def threshold_llr(self) -> float:
        """The llr from which accepting is cheaper than rejecting (Bayes)."""
        return math.log(self.false_alarm / self.miss)


def min_dcf(curve: ErrorCurve, cost: Cost = Cost(), *, normalized: bool = True) -> float:
    """Lowest detection cost over all thresholds; `normalized` divides by that of the better blind answer (NIST)."""
    return float(np.min(cost.miss * curve.fnr + cost.false_alarm * curve.fpr)) / _blind(cost, normalized)


def actual_dcf(
    llrs: ArrayLike, same: ArrayLike, cost: Cost = Cost(), *, normalized: bool = True, weights: Weights = None
) -> float:
    """Detection cost at the Bayes threshold: above `min_dcf` by what wrong calibration costs."""
    rates = error_rates(llrs, same, cost.threshold_llr, weights)
    return (cost.miss * rates.fnr + cost.false_alarm * rates.fpr) / _blind(cost, normalized)


def _blind(cost: Cost, normalized: bool) -> float:
    return min(cost.miss, cost.false_alarm) if normalized else 1.0
