from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from sklearn.metrics import det_curve

from speakerid.metrics.eer import ClassMissing, eer, error_curve, error_rates, labelled, operating_point, rank
from tests.metrics.trials import gaussian_llrs, random_trials

DISTANCES = (0.5, 2.0, 4.0)
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


def test_an_operating_point_never_exceeds_its_rate() -> None:
    curve = error_curve(*gaussian_llrs(3.0, 10_000))
    point = operating_point(curve, 0.01)
    assert point.fpr == pytest.approx(0.01, abs=1e-4)
    assert point.fpr <= 0.01
    assert point.fnr == pytest.approx(0.2503, abs=1e-3)  # Phi(2.3263 - 3)
    assert operating_point(error_curve([0.0, 1.0], [True, False]), 0.5).threshold == np.inf


def test_infinite_scores_have_their_place() -> None:
    curve = error_curve([-np.inf, 0.0, np.inf], [True, False, True])
    assert curve.fnr.tolist() == [0.0, 0.5, 0.5, 1.0]


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_of_trial_is_refused(same: list[bool]) -> None:
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


@pytest.mark.parametrize(
    ("targets", "nontargets", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 0.0),
        ([0.1, 0.2], [0.9, 0.8], 1.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.8, 0.7, 0.3], [0.1, 0.2, 0.25, 0.6], 0.25),
        ([0.2, 0.6, 0.6], [0.1, 0.3], 1 / 3),  # one of three lies below 0.3, and half of two above it: 1/3
        ([1, 1, 0, 0], [0, 0, 0, 1], 0.4),  # tied: on the line from fpr, fnr = (1, 0) to (0.25, 0.5)
    ],
)
def test_eer_of_a_few_scores(targets: list[float], nontargets: list[float], expected: float) -> None:
    assert eer(error_curve(*labelled(targets, nontargets))) == pytest.approx(expected)


@pytest.mark.parametrize("distance", DISTANCES)
def test_eer_of_gaussian_scores(distance: float) -> None:
    """Phi(-d / 2); the grid of 200,000 quantiles leaves less than one step, 5e-6."""
    assert eer(error_curve(*gaussian_llrs(distance))) == pytest.approx(ndtr(-distance / 2), abs=5e-6)


def test_rates_at_a_threshold_count_it_as_accepted() -> None:
    rates = error_rates([1.0, 2.0, 3.0, 2.0], [True, True, True, False], 2.0)
    assert [rates.fnr, rates.fpr] == pytest.approx([1 / 3, 1.0])
