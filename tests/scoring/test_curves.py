from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import isotonic_regression
from scipy.spatial import ConvexHull
from sklearn.metrics import det_curve

from speakerid.scoring.curves import (
    PROBIT_LIMIT,
    ClassMissing,
    convex_hull,
    det_points,
    error_curve,
    labelled,
    operating_point,
    rank,
)
from tests.scoring.trials import gaussian_llrs, random_trials

SEEDS = range(20)


def test_tied_scores_are_accepted_together() -> None:
    curve = error_curve([0.3, 0.5, 0.5, 0.9], [False, True, False, True])
    assert curve.thresholds.tolist() == [0.3, 0.5, 0.9, np.inf]
    assert curve.fnr.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve.fpr.tolist() == [1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_scikit_learn(seed: int, tied: bool) -> None:
    """scikit-learn leaves out the points before the last with fnr = 0 and behind the first with fpr = 0."""
    scores, same = random_trials(seed, tied=tied)
    curve = error_curve(scores, same)
    fpr, fnr, thresholds = det_curve(same, scores, drop_intermediate=False)
    start = int(np.flatnonzero(curve.thresholds == thresholds[0])[0])
    end = start + len(thresholds)
    np.testing.assert_array_equal(curve.thresholds[start:end], thresholds)
    np.testing.assert_allclose(curve.fpr[start:end], fpr, atol=1e-12)
    np.testing.assert_allclose(curve.fnr[start:end], fnr, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_count_trials_as_often_as_copies_would(seed: int) -> None:
    scores, same = random_trials(seed, tied=True)
    counts = np.random.default_rng(seed).integers(0, 4, len(scores))
    weighted = rank(scores, same).curve(counts.astype(np.float64))
    copied = error_curve(np.repeat(scores, counts), np.repeat(same, counts))
    places = np.searchsorted(weighted.thresholds, copied.thresholds)
    np.testing.assert_allclose(weighted.fnr[places], copied.fnr, atol=1e-12)
    np.testing.assert_allclose(weighted.fpr[places], copied.fpr, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hull_has_the_corners_that_geometry_says(seed: int) -> None:
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


def test_an_operating_point_never_exceeds_its_rate() -> None:
    curve = error_curve(*gaussian_llrs(3.0, 10_000))
    point = operating_point(curve, 0.01)
    assert point.fpr == pytest.approx(0.01, abs=1e-4)
    assert point.fpr <= 0.01
    assert point.fnr == pytest.approx(0.2503, abs=1e-3)  # Phi(2.3263 - 3)
    assert operating_point(error_curve([0.0, 1.0], [True, False]), 0.5).threshold == np.inf


def test_gaussian_scores_make_a_straight_det_line() -> None:
    """Between N(d, 1) and N(0, 1) the probits add up to -d."""
    fpr, fnr = det_points(error_curve(*gaussian_llrs(2.0)), most=300)
    assert 100 < len(fpr) <= 302
    inside = (np.abs(fpr) < 3) & (np.abs(fnr) < 3)
    assert inside.sum() > 100
    np.testing.assert_allclose((fpr + fnr)[inside], -2.0, atol=0.01)
    assert (fpr[0], fnr[0]) == (PROBIT_LIMIT, -PROBIT_LIMIT)
    assert (fpr[-1], fnr[-1]) == (-PROBIT_LIMIT, PROBIT_LIMIT)


def test_infinite_scores_have_their_place() -> None:
    curve = error_curve([-np.inf, 0.0, np.inf], [True, False, True])
    assert curve.fnr.tolist() == [0.0, 0.5, 0.5, 1.0]


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_of_trial_says_nothing(same: list[bool]) -> None:
    with pytest.raises(ClassMissing):
        rank([0.1, 0.2], same)


def test_weights_may_not_empty_a_class() -> None:
    with pytest.raises(ClassMissing):
        rank(*labelled([1.0], [0.0])).curve(np.array([0.0, 1.0]))


def test_broken_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        rank([0.1, np.nan], [True, False])
    with pytest.raises(ValueError, match=r"need scores \(n,\)"):
        rank([0.1], [True, False])
