"""Fit a Calibration from development scores. Apart from it because serving must not load scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration, Quantile, Tail

Scores = NDArray[np.floating]

MIN_TRIALS = 10  # of either kind; fewer say nothing about a slope
# Weak L2 on the standardized weights: keeps them finite when the scores separate perfectly, and moves a fit on
# 1,000 overlapping scores by less than 1 %.
INVERSE_REGULARIZATION = 100.0
RATES = (0.999, 0.99, 0.9, 0.75, 0.5, 0.35, 0.25, 0.18, 0.13, 0.09, 0.07, 0.05)  # the tail begins where they end
MIN_TAIL = 50  # scores in the tail; fewer say nothing about its shape, and an exponential tail errs on the safe side
SHAPES = (-0.5, 0.0)  # cosines are bounded, so never heavier than exponential; below -0.5 one outlier would decide


def fit(targets: Scores, nontargets: Scores, *, domains: tuple[str, ...], fingerprint: str) -> Calibration:
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
    quantiles = _quantiles(different)
    return Calibration(
        slope=slope,
        intercept=intercept,
        domains=domains,
        targets=len(same),
        nontargets=len(different),
        fingerprint=fingerprint,
        quantiles=quantiles,
        tail=_tail(different, quantiles[-1].score),
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


def _quantiles(nontargets: NDArray[np.float64]) -> tuple[Quantile, ...]:
    scores = np.quantile(nontargets, 1.0 - np.array(RATES))
    return tuple(Quantile(rate, float(score)) for rate, score in zip(RATES, scores, strict=True))


def _tail(nontargets: NDArray[np.float64], start: float) -> Tail:
    """Method of moments (Hosking & Wallis, "Parameter and quantile estimation…", Technometrics 29, 1987).

    The shape is raised by two of its standard errors: too thin a tail would name strangers, too thick a one only
    answers unknown a little more often.
    """
    excess = nontargets[nontargets > start] - start
    mean, variance = float(excess.mean()), float(excess.var())
    if len(excess) < MIN_TAIL or variance == 0.0:
        return Tail(scale=max(mean, 1e-6), shape=0.0)
    moments = 0.5 * (1.0 - mean**2 / variance)
    shape = float(np.clip(moments + 2.0 / np.sqrt(len(excess)), *SHAPES))
    return Tail(scale=mean * (1.0 - shape), shape=shape)
