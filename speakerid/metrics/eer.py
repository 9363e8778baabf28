"""Error rates of scored trials at every threshold, and where they are equal.

Scores are `(n,)` floats, `same (n,)` is true for trials of one speaker with themselves (targets). A trial is accepted
when its score reaches the threshold, so tied scores are accepted or rejected together. Rates lie between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Weights = NDArray[np.floating] | None  # (n,) how often each trial counts; None: once


class ClassMissing(ValueError):
    """Error rates need at least one target and one non-target trial."""


@dataclass(frozen=True)
class ErrorCurve:
    """Both error rates when trials that reach `thresholds[k]` are accepted; thresholds rise and end with infinity."""

    thresholds: Floats
    fnr: Floats  # share of targets rejected: rises from 0 to 1
    fpr: Floats  # share of non-targets accepted: falls from 1 to 0


@dataclass(frozen=True)
class OperatingPoint:
    threshold: float
    fnr: float
    fpr: float


@dataclass(frozen=True)
class Ranked:
    """Trials sorted once, so that curves for many sets of weights (bootstrap) cost one pass each."""

    thresholds: Floats
    _order: NDArray[np.intp]
    _same: Flags  # in that order
    _ends: NDArray[np.intp]  # place of the last trial of every tied group

    def curve(self, weights: NDArray[np.floating] | None = None) -> ErrorCurve:
        """`weights (n,)` count a trial more than once, or not at all. Raises ClassMissing."""
        counts = np.ones(len(self._order)) if weights is None else np.asarray(weights, np.float64)[self._order]
        rejected = np.cumsum(counts * self._same)[self._ends]
        spared = np.cumsum(counts)[self._ends] - rejected
        return ErrorCurve(self.thresholds, _shares(rejected), 1.0 - _shares(spared))


def rank(scores: ArrayLike, same: ArrayLike) -> Ranked:
    """Raises ClassMissing, and `ValueError` for NaN or for shapes other than two equal `(n,)`."""
    values, labels = np.asarray(scores, np.float64), np.asarray(same, np.bool_)
    if values.ndim != 1 or values.shape != labels.shape:
        raise ValueError(f"need scores (n,) and same (n,), got {values.shape} and {labels.shape}")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    if labels.all() or not labels.any():
        raise ClassMissing
    order = np.argsort(values)
    rising = values[order]
    ends = np.append(np.flatnonzero(rising[1:] != rising[:-1]), len(rising) - 1)
    return Ranked(np.append(rising[ends], np.inf), order, labels[order], ends)


def error_curve(scores: ArrayLike, same: ArrayLike) -> ErrorCurve:
    return rank(scores, same).curve()


def labelled(targets: ArrayLike, nontargets: ArrayLike) -> tuple[Floats, Flags]:
    """`(scores, same)` from the scores of either kind."""
    kinds = np.asarray(targets, np.float64), np.asarray(nontargets, np.float64)
    return np.concatenate(kinds), np.repeat([True, False], [len(kind) for kind in kinds])


def operating_point(curve: ErrorCurve, fpr: float) -> OperatingPoint:
    """The lowest threshold whose false positive rate is at most `fpr`; nothing is interpolated."""
    first = int(np.argmax(curve.fpr <= fpr))
    return OperatingPoint(float(curve.thresholds[first]), float(curve.fnr[first]), float(curve.fpr[first]))


def error_rates(scores: ArrayLike, same: ArrayLike, threshold: float, weights: Weights = None) -> OperatingPoint:
    """Of trials accepted when they reach `threshold`. Raises ClassMissing."""
    accepted, labels = np.asarray(scores) >= threshold, np.asarray(same, np.bool_)
    fnr = 1.0 - mean_of(accepted, labels, weights)
    return OperatingPoint(threshold, fnr, mean_of(accepted, ~labels, weights))


def eer(curve: ErrorCurve) -> float:
    """Equal error rate: where the line through the curve's points crosses fnr = fpr.

    Every point is one threshold with its tied scores together; from one point to the next both rates change linearly.
    """
    gap = curve.fpr - curve.fnr  # falls from 1 to -1
    after = int(np.argmax(gap <= 0.0))
    before = after - 1
    share = gap[before] / (gap[before] - gap[after])
    return float(curve.fnr[before] + share * (curve.fnr[after] - curve.fnr[before]))


def _shares(below: Floats) -> Floats:
    if below[-1] <= 0.0:
        raise ClassMissing
    shares = np.empty(len(below) + 1)
    shares[0] = 0.0
    np.divide(below, below[-1], out=shares[1:])
    return shares


def mean_of(values: NDArray[np.generic], chosen: Flags, weights: Weights) -> float:
    """Of the `chosen` among `values (n,)`. Raises ClassMissing."""
    counts = chosen.astype(np.float64) if weights is None else np.where(chosen, weights, 0.0)
    total = float(counts.sum())
    if total <= 0.0:
        raise ClassMissing
    return float(np.where(chosen, values, 0.0) @ counts) / total
