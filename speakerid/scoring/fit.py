"""Fit a Calibration from development scores. Apart from it because serving must not load scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration, TailPoint

Scores = NDArray[np.floating]

MIN_TRIALS = 10  # of either kind; fewer say nothing about a slope
# Weak L2 on the standardised slope: keeps it finite when the scores separate perfectly, and moves a fit on
# 1,000 overlapping scores by less than 1 %.
INVERSE_REGULARIZATION = 100.0
TAIL_START = 0.5  # fmr
TAIL_COUNT = 20  # scores that must lie above the last tail point: fewer may all come from one pair of similar voices
POINTS_PER_DECADE = 8


def fit(target_scores: Scores, nontarget_scores: Scores, *, fitted_on: str, fingerprint: str) -> Calibration:
    """Fit on `(n,)` scores of same-speaker and `(m,)` scores of different-speaker comparisons.

    Both kinds weigh the same in all (prior 0.5), so that the fitted log odds are the llr itself. Raises
    `CalibrationMissing` with fewer than 10 of either kind or when higher scores do not mean the same speaker.
    """
    targets, nontargets = _checked(target_scores), _checked(nontarget_scores)
    slope, intercept = _logistic(targets, nontargets)
    if slope <= 0:
        raise CalibrationMissing(
            "Same-speaker scores are not higher than different-speaker scores. Check the labels and the encoder."
        )
    return Calibration(
        slope=slope,
        intercept=intercept,
        nontarget_mean=float(nontargets.mean()),
        nontarget_std=float(nontargets.std(ddof=1)),
        fitted_on=fitted_on,
        targets=len(targets),
        nontargets=len(nontargets),
        fingerprint=fingerprint,
        tail=_tail(nontargets),
    )


def _checked(scores: Scores) -> NDArray[np.float64]:
    wide = np.asarray(scores, np.float64).ravel()
    if len(wide) < MIN_TRIALS:
        raise CalibrationMissing(f"{len(wide)} comparisons are too few. Give {MIN_TRIALS} of each kind.")
    if not np.isfinite(wide).all():
        raise ValueError("scores must be finite")
    return wide


def _logistic(targets: NDArray[np.float64], nontargets: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the llr; standardised while fitting because cosines span a small range."""
    scores = np.concatenate([targets, nontargets])
    labels = np.repeat([1, 0], [len(targets), len(nontargets)])
    center, scale = float(scores.mean()), float(scores.std())
    if scale == 0.0:
        return 0.0, 0.0
    model = LogisticRegression(C=INVERSE_REGULARIZATION, class_weight="balanced", solver="newton-cholesky", tol=1e-8)
    model.fit(((scores - center) / scale)[:, np.newaxis], labels)
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * center


def _tail(nontargets: NDArray[np.float64]) -> tuple[TailPoint, ...]:
    """Upper quantiles at log-spaced false match rates, as far down as `TAIL_COUNT` scores support."""
    last = TAIL_COUNT / len(nontargets)
    if last >= TAIL_START:
        return ()
    steps = max(2, int(np.ceil(POINTS_PER_DECADE * np.log10(TAIL_START / last))) + 1)
    rates = np.geomspace(TAIL_START, last, steps)
    quantiles = np.quantile(nontargets, 1.0 - rates, method="higher")
    return tuple(TailPoint(float(rate), float(score)) for rate, score in zip(rates, quantiles, strict=True))
