"""Detection error tradeoff: points of a DET plot, and the convex hull that calibrations can reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.metrics.eer import ErrorCurve, Floats

PROBIT_LIMIT = 5.0  # DET axes end at 3e-7 and 1 - 3e-7


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
