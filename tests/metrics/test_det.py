from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression
from scipy.spatial import ConvexHull

from speakerid.metrics.dcf import min_dcf
from speakerid.metrics.det import PROBIT_LIMIT, convex_hull, det_points
from speakerid.metrics.eer import eer, error_curve, rank
from tests.metrics.trials import gaussian_llrs, random_trials

DISTANCES = (0.5, 2.0, 4.0)
SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hull_has_the_corners_of_geometry(seed: int) -> None:
    curve = error_curve(*random_trials(seed, tied=bool(seed % 2)))
    points = np.vstack([np.column_stack([curve.fpr, curve.fnr]), [1.0, 1.0]])  # (1, 1) closes it from above
    corners = points[ConvexHull(points).vertices]
    below = {tuple(np.round(corner, 9)) for corner in corners} - {(1.0, 1.0)}
    hull = convex_hull(curve)
    assert {tuple(point) for point in np.round(np.column_stack([hull.fpr, hull.fnr]), 9)} >= below
    slopes = np.diff(hull.fnr) / np.maximum(-np.diff(hull.fpr), 1e-300)
    assert (np.diff(slopes) >= -1e-9).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hull_has_the_corners_that_isotonic_regression_finds(seed: int) -> None:
    curve = error_curve(*random_trials(seed, tied=bool(seed % 2)))
    rejected, spared = np.diff(curve.fnr), -np.diff(curve.fpr)
    blocks = isotonic_regression(rejected / (rejected + spared), weights=rejected + spared).blocks
    hull, corners = convex_hull(curve), curve.fnr[blocks]
    for here, there in ((hull.fnr, corners), (corners, hull.fnr)):  # a point on a line may be a corner or not
        assert len(np.setdiff1d(np.round(here, 9), np.round(there, 9))) <= len(here) // 10
    at = hull.fnr - hull.fpr  # rises, as neither rate alone does
    np.testing.assert_allclose(np.interp(corners - curve.fpr[blocks], at, hull.fnr), corners, atol=1e-12)


def test_the_hull_survives_trials_of_no_weight() -> None:
    scores, same = random_trials(1, tied=False)
    weights = (np.arange(len(scores)) % 2).astype(np.float64)
    hull = convex_hull(rank(scores, same).curve(weights))
    kept = convex_hull(error_curve(scores[weights > 0], same[weights > 0]))
    np.testing.assert_allclose(hull.fnr, kept.fnr, atol=1e-12)


def test_gaussian_scores_make_a_straight_det_line() -> None:
    """Between N(d, 1) and N(0, 1) the probits add up to -d."""
    fpr, fnr = det_points(error_curve(*gaussian_llrs(2.0)), most=300)
    assert 100 < len(fpr) <= 302
    inside = (np.abs(fpr) < 3) & (np.abs(fnr) < 3)
    assert inside.sum() > 100
    np.testing.assert_allclose((fpr + fnr)[inside], -2.0, atol=0.01)
    assert (fpr[0], fnr[0]) == (PROBIT_LIMIT, -PROBIT_LIMIT)
    assert (fpr[-1], fnr[-1]) == (-PROBIT_LIMIT, PROBIT_LIMIT)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hull_never_errs_more(seed: int) -> None:
    curve = error_curve(*random_trials(seed, tied=True))
    hull = convex_hull(curve)
    assert eer(hull) <= eer(curve) + 1e-12
    assert min_dcf(hull) == pytest.approx(min_dcf(curve))
