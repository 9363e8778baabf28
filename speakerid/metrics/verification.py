"""Figures of merit for scored trials: EER, minDCF, actual DCF, Cllr, minCllr. Natural-log llrs; rates from 0 to 1.

What only depends on the order of the scores takes an `ErrorCurve`, so that sorting happens once; what judges the llrs
themselves takes them, with `same (n,)` true for targets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.metrics.curves import ClassMissing, ErrorCurve, Flags, Floats, convex_hull

Weights = NDArray[np.floating] | None  # (n,) how often each trial counts; None: once


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


@dataclass(frozen=True)
class Rates:
    fnr: float
    fpr: float


def eer(curve: ErrorCurve) -> float:
    """Equal error rate: where the line through the curve's points crosses fnr = fpr.

    Every point is one threshold with its tied scores together; from one point to the next both rates change linearly.
    """
    gap = curve.fpr - curve.fnr  # falls from 1 to -1
    after = int(np.argmax(gap <= 0.0))
    before = after - 1
    share = gap[before] / (gap[before] - gap[after])
    return float(curve.fnr[before] + share * (curve.fnr[after] - curve.fnr[before]))


def min_dcf(curve: ErrorCurve, cost: Cost = Cost(), *, normalized: bool = True) -> float:
    """Lowest detection cost over all thresholds; `normalized` divides by that of the better blind answer (NIST)."""
    return float(np.min(cost.miss * curve.fnr + cost.false_alarm * curve.fpr)) / _blind(cost, normalized)


def actual_dcf(
    llrs: ArrayLike, same: ArrayLike, cost: Cost = Cost(), *, normalized: bool = True, weights: Weights = None
) -> float:
    """Detection cost at the Bayes threshold: above `min_dcf` by what wrong calibration costs."""
    rates = error_rates(llrs, same, cost.threshold_llr, weights)
    return (cost.miss * rates.fnr + cost.false_alarm * rates.fpr) / _blind(cost, normalized)


def error_rates(scores: ArrayLike, same: ArrayLike, threshold: float, weights: Weights = None) -> Rates:
    """Of trials accepted when they reach `threshold`. Raises ClassMissing."""
    accepted, labels = np.asarray(scores) >= threshold, np.asarray(same, np.bool_)
    return Rates(1.0 - _mean(accepted, labels, weights), _mean(accepted, ~labels, weights))


def cllr(llrs: ArrayLike, same: ArrayLike, weights: Weights = None) -> float:
    """Bits lost over all applications: 0 for an oracle, 1 for "llr = 0, always" (Brümmer & du Preez 2006).

    Raises ClassMissing.
    """
    return balanced_mean(bits_lost(llrs, same), same, weights)


def bits_lost(llrs: ArrayLike, same: ArrayLike) -> Floats:
    """`(n,)`: what each trial adds to Cllr."""
    against = np.where(same, -np.asarray(llrs, np.float64), llrs)
    bits: Floats = np.logaddexp(0.0, against) / math.log(2.0)
    return bits


def balanced_mean(values: ArrayLike, same: ArrayLike, weights: Weights = None) -> float:
    """Of `values (n,)`, targets in all weighing as much as non-targets in all. Raises ClassMissing."""
    known, labels = np.asarray(values), np.asarray(same, np.bool_)
    return 0.5 * (_mean(known, labels, weights) + _mean(known, ~labels, weights))


def min_cllr(curve: ErrorCurve) -> float:
    """Cllr of the best calibration that keeps the order of the scores: pool adjacent violators on these very trials."""
    hull = convex_hull(curve)
    targets, nontargets = np.diff(hull.fnr), -np.diff(hull.fpr)  # shares; their quotient is the likelihood ratio
    return 0.5 * (_bits(targets, nontargets) + _bits(nontargets, targets))


def _bits(of: Floats, against: Floats) -> float:
    some = of > 0.0
    return float((of[some] * np.log2(1.0 + against[some] / of[some])).sum())


def _mean(values: NDArray[np.generic], chosen: Flags, weights: Weights) -> float:
    counts = chosen.astype(np.float64) if weights is None else np.where(chosen, weights, 0.0)
    total = float(counts.sum())
    if total <= 0.0:
        raise ClassMissing
    return float(np.where(chosen, values, 0.0) @ counts) / total


def _blind(cost: Cost, normalized: bool) -> float:
    return min(cost.miss, cost.false_alarm) if normalized else 1.0
