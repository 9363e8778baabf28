"""Error rates of scored trials at every threshold: what EER, minDCF, minCllr and DET plots are read from.

Scores are `(n,)` floats, `same (n,)` is true for trials of one speaker with himself (targets). A trial is accepted when
its score reaches the threshold, so tied scores are accepted or rejected together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
PROBIT_LIMIT = 5.0  # DET axes end at 3e-7 and 1 - 3e-7


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


def _shares(below: Floats) -> Floats:
    if below[-1] <= 0.0:
        raise ClassMissing
    shares = np.empty(len(below) + 1)
    shares[0] = 0.0
    np.divide(below, below[-1], out=shares[1:])
    return shares


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


def convex_hull(curve: ErrorCurve) -> ErrorCurve:
    """The corners of the curve's convex hull, those that pool adjacent violators finds.

    Points between them are reached by choosing at random between two thresholds (Provost & Fawcett, "Robust
    classification for imprecise environments", Machine Learning 42, 2001).
    """
    moves = np.append(np.diff(curve.fnr) - np.diff(curve.fpr), 1.0) > 0.0  # bootstrap weights may leave a trial out
    still = ErrorCurve(curve.thresholds[moves], curve.fnr[moves], curve.fpr[moves])
    corners = _convex_minorant(still.fnr - still.fpr, still.fnr)
    return ErrorCurve(still.thresholds[corners], still.fnr[corners], still.fpr[corners])


def _convex_minorant(x: Floats, y: Floats) -> NDArray[np.intp]:
    """Places of the corners of the largest convex function below the points `(n,)`, whose `x` rise.

    A point on or above the line between its neighbors is no corner, whatever becomes of them: all such go at once.
    """
    kept = np.arange(len(x))
    while True:
        run, rise = np.diff(x[kept]), np.diff(y[kept])
        turns = rise[1:] * run[:-1] > rise[:-1] * run[1:]
        if turns.all():
            return kept
        kept = kept[np.concatenate(([True], turns, [True]))]


def det_points(curve: ErrorCurve, most: int = 500) -> tuple[Floats, Floats]:
    """`(fpr, fnr)` as probits, at most about `most` corners of the curve, for a detection error tradeoff plot.

    Rates of 0 and 1 lie at -5 and 5 (Martin et al., "The DET curve in assessment of detection task performance", 1997).
    """
    from scipy.special import ndtr, ndtri

    levels = ndtr(np.linspace(-PROBIT_LIMIT, PROBIT_LIMIT, most // 2))
    missed, spared = np.searchsorted(curve.fnr, levels), np.searchsorted(1.0 - curve.fpr, levels)
    corners = np.union1d(np.append(missed, 0), np.append(spared, len(curve.fnr) - 1))
    corners = np.minimum(corners, len(curve.fnr) - 1)
    fpr, fnr = (np.clip(ndtri(rate[corners]), -PROBIT_LIMIT, PROBIT_LIMIT) for rate in (curve.fpr, curve.fnr))
    return fpr, fnr
