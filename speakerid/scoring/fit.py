"""Fit a Calibration from development scores. Apart from it because serving must not load scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.strangers import Strangers

Scores = NDArray[np.floating]

MIN_TRIALS = 10  # of either kind; fewer say nothing about a slope
# Weak L2 on the standardized weights: keeps them finite when the scores separate perfectly, and moves a fit on
# 1,000 overlapping scores by less than 1 %.
INVERSE_REGULARIZATION = 100.0


def fit(
    targets: Scores, nontargets: Scores, *, strangers: Strangers, domains: tuple[str, ...], fingerprint: str
) -> Calibration:
    """Fit on cosines `(n,)` of the same and `(m,)` of different speakers.

    Both kinds weigh the same in all (prior 0.5), so that the fitted log odds are the llr itself. Raises
    `CalibrationMissing` with fewer than 10 of either kind or when higher scores do not mean the same speaker, and
    `ValueError` for a score that is not finite.
    """
    same, different = (_checked(kind) for kind in (targets, nontargets))
    slope, intercept = _logistic(same, different)
    if slope <= 0:
        raise CalibrationMissing(
            "Same-speaker scores are not higher than different-speaker scores. Check the labels and the encoder."
        )
    return Calibration(
        slope=slope,
        intercept=intercept,
        strangers=strangers,
        domains=domains,
        targets=len(same),
        nontargets=len(different),
        fingerprint=fingerprint,
    )


def _checked(scores: Scores) -> NDArray[np.float64]:
    wide = np.asarray(scores, np.float64).ravel()
    if not np.isfinite(wide).all():
        raise ValueError("scores must be finite")
    if len(wide) < MIN_TRIALS:
        raise CalibrationMissing(f"{len(wide)} comparisons are too few. Give {MIN_TRIALS} of each kind.")
    return wide


def _logistic(targets: NDArray[np.float64], nontargets: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the llr; the score is standardized while fitting."""
    scores = np.concatenate([targets, nontargets])
    labels = np.repeat([1, 0], [len(targets), len(nontargets)])
    center, scale = float(scores.mean()), float(scores.std())
    if scale <= 1e-9:  # a constant's deviation is not exactly zero
        return 0.0, 0.0
    model = LogisticRegression(C=INVERSE_REGULARIZATION, class_weight="balanced", solver="newton-cholesky", tol=1e-8)
    model.fit(((scores - center) / scale)[:, None], labels)
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * center
