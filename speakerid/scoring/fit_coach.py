"""Fit the limits of the enrollment coach. Apart from them because serving must not load scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from speakerid.errors import CalibrationMissing
from speakerid.scoring.coach import Limit
from speakerid.scoring.voices import Parts, VoicesModel, features

REFUSED, WARNED = 0.003, 0.02  # of good enrollments, by the match and by the voices heard
UNUSUAL = 0.01  # of good recordings are as noisy, or as clipped: said as a warning
HARMED = 0.2  # of voiceprints as noisy, or as clipped, are like somebody else: refused
MIN_EXAMPLES = 30  # fewer say nothing about the few that a limit is about
# Weak L2: keeps the weights finite when one voice and two separate perfectly.
INVERSE_REGULARIZATION = 100.0


def match_limit(llrs: ArrayLike) -> Limit:
    """From llrs `(n,)` of good utterances against others of their speaker. Raises CalibrationMissing for too few."""
    values = _enough(llrs)
    return Limit(refuse=-_end(-values, REFUSED), warn=-_end(-values, WARNED))


def voices(one: Sequence[Parts], two: Sequence[Parts]) -> tuple[VoicesModel, Limit]:
    """From recordings of one voice and of two. Raises CalibrationMissing for too few."""
    rows = np.stack([features(parts) for parts in (*one, *two)])
    labels = np.repeat([0, 1], [len(one), len(two)])
    _enough(labels[labels == 0]), _enough(labels[labels == 1])
    fitted = LogisticRegression(C=INVERSE_REGULARIZATION, class_weight="balanced", tol=1e-8).fit(rows, labels)
    model = VoicesModel(float(fitted.intercept_[0]), *(float(weight) for weight in fitted.coef_[0]))
    llrs = np.array([model.llr(parts) for parts in one])
    return model, Limit(refuse=_end(llrs, REFUSED), warn=_end(llrs, WARNED))


def damage_limit(levels: ArrayLike, harmed: ArrayLike, usual: ArrayLike, lowest: float, highest: float) -> Limit:
    """For noise or clipping: refused where it does harm, but hardly ever in good recordings; said where it is unusual.

    `levels (n,)` rise with the damage, up to where the truths `harmed (n,)` say so; `usual (m,)` are the levels of good
    recordings. Both limits lie within `lowest` and `highest`. Raises CalibrationMissing for too few.
    """
    good = _enough(usual)
    starts = max(_harm_starts(levels, harmed, lowest, highest), float(np.quantile(good, 1.0 - REFUSED)))
    return Limit(refuse=starts, warn=min(starts, max(lowest, float(np.quantile(good, 1.0 - UNUSUAL)))))


def _harm_starts(levels: ArrayLike, harmed: ArrayLike, lowest: float, highest: float) -> float:
    """Where a share `HARMED` is harmed, by logistic regression."""
    rows, truths = _enough(levels)[:, np.newaxis], np.asarray(harmed, np.bool_)
    if truths.all() or not truths.any():
        return lowest if truths.all() else highest
    fitted = LogisticRegression(C=INVERSE_REGULARIZATION, tol=1e-8).fit(rows, truths)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0.0:
        return highest
    return float(np.clip((np.log(HARMED / (1.0 - HARMED)) - intercept) / slope, lowest, highest))


def _end(values: NDArray[np.float64], share: float) -> float:
    """What a `share` of the values exceeds: by count or by a Gaussian of their mean and deviation, whichever is higher.

    A count alone knows nothing of the few beyond its last examples, and real tails are heavier than Gaussian.
    """
    by_count = float(np.quantile(values, 1.0 - share))
    return max(by_count, float(norm.isf(share, values.mean(), values.std())))


def _enough(values: ArrayLike) -> NDArray[np.float64]:
    wide = np.asarray(values, np.float64)
    if len(wide) < MIN_EXAMPLES:
        raise CalibrationMissing(f"{len(wide)} examples are too few. Give recordings of more speakers.")
    return wide
