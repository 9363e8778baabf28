"""Cllr: what calibrated log likelihood ratios lose over all applications, and its least by any calibration.

llrs are natural logarithms; `same (n,)` is true for trials of one speaker with themselves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from speakerid.metrics.det import convex_hull
from speakerid.metrics.eer import ErrorCurve, Floats, Weights, mean_of


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
    return 0.5 * (mean_of(known, labels, weights) + mean_of(known, ~labels, weights))


def min_cllr(curve: ErrorCurve) -> float:
    """Cllr of the best calibration that keeps the order of the scores: pool adjacent violators on these very trials."""
    hull = convex_hull(curve)
    targets, nontargets = np.diff(hull.fnr), -np.diff(hull.fpr)  # shares; their quotient is the likelihood ratio
    return 0.5 * (_bits(targets, nontargets) + _bits(nontargets, targets))


def _bits(of: Floats, against: Floats) -> float:
    some = of > 0.0
    return float((of[some] * np.log2(1.0 + against[some] / of[some])).sum())
