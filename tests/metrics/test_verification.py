"""Against closed forms and scikit-learn; tests/scoring/test_metrics_speechbrain.py compares with SpeechBrain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from speakerid.metrics.curves import ClassMissing, convex_hull, error_curve, labelled
from speakerid.metrics.verification import Cost, actual_dcf, cllr, eer, error_rates, min_cllr, min_dcf
from tests.scoring.trials import gaussian_llrs, random_trials

DISTANCES = (0.5, 2.0, 4.0)
SEEDS = range(20)


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


@pytest.mark.parametrize("cost", [Cost(), Cost(0.05), Cost(0.5, 10, 1), Cost(0.9)])
@pytest.mark.parametrize("distance", DISTANCES)
def test_detection_cost_of_gaussian_scores(distance: float, cost: Cost) -> None:
    """The Bayes threshold t is x = t / d + d / 2 on the raw axis. The grid's steps of 5e-6 weigh at most 99 times."""
    at = cost.threshold_llr / distance + distance / 2
    best = (cost.miss * ndtr(at - distance) + cost.false_alarm * ndtr(-at)) / min(cost.miss, cost.false_alarm)
    llrs, same = gaussian_llrs(distance)
    assert min_dcf(error_curve(llrs, same), cost) == pytest.approx(best, abs=5e-4)
    assert actual_dcf(llrs, same, cost) == pytest.approx(best, abs=5e-4)


def test_costs_without_normalization() -> None:
    llrs, same = gaussian_llrs(2.0, 1000)
    curve, cost = error_curve(llrs, same), Cost(0.01, 10, 1)
    assert min_dcf(curve, cost, normalized=False) == pytest.approx(0.1 * min_dcf(curve, cost))
    assert actual_dcf(llrs, same, cost, normalized=False) == pytest.approx(0.1 * actual_dcf(llrs, same, cost))


def test_a_detector_that_knows_nothing_costs_as_much_as_a_blind_answer() -> None:
    llrs, same = labelled(np.zeros(5), np.zeros(7))
    assert min_dcf(error_curve(llrs, same)) == pytest.approx(1.0)
    assert cllr(llrs, same) == pytest.approx(1.0)
    assert min_cllr(error_curve(llrs, same)) == pytest.approx(1.0)


@pytest.mark.parametrize("cost", [(0.0, 1, 1), (1.0, 1, 1), (0.1, 0, 1), (0.1, 1, -1)])
def test_impossible_costs_are_refused(cost: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="need 0 < p_target < 1"):
        Cost(*cost)


@pytest.mark.parametrize("distance", DISTANCES)
def test_cllr_of_gaussian_scores(distance: float) -> None:
    """Against numerical integration; both kinds lose the same because the two densities mirror each other.

    1e-3 is what the grid leaves out beyond its last quantiles, where llrs are largest.
    """

    def loss(x: float) -> float:
        llr = distance * x - distance**2 / 2
        return math.log2(1 + math.exp(-llr)) * math.exp(-((x - distance) ** 2) / 2) / math.sqrt(2 * math.pi)

    expected = quad(loss, distance - 10, distance + 10)[0]
    llrs, same = gaussian_llrs(distance)
    assert cllr(llrs, same) == pytest.approx(expected, rel=1e-3)
    assert min_cllr(error_curve(llrs, same)) == pytest.approx(expected, rel=2e-3)


def test_wrong_calibration_costs_cllr_but_not_min_cllr() -> None:
    llrs, same = gaussian_llrs(2.0, 10_000)
    assert cllr(3 * llrs + 1, same) > cllr(llrs, same) + 0.1
    assert min_cllr(error_curve(3 * llrs + 1, same)) == pytest.approx(min_cllr(error_curve(llrs, same)))


@pytest.mark.parametrize("seed", SEEDS)
def test_cllr_is_a_balanced_log_loss(seed: int) -> None:
    llrs, same = random_trials(seed, tied=False)
    balance = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    expected = log_loss(same, 1 / (1 + np.exp(-llrs)), sample_weight=balance) / math.log(2)
    assert cllr(llrs, same) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_min_cllr_agrees_with_isotonic_regression_of_scikit_learn(seed: int, tied: bool) -> None:
    scores, same = random_trials(seed, tied=tied)
    balance = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    posterior = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, same.astype(float), sample_weight=balance)
    with np.errstate(divide="ignore"):
        expected = cllr(np.log(posterior) - np.log1p(-posterior), same)
    assert min_cllr(error_curve(scores, same)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_keeping_calibration_is_better_than_min_cllr(seed: int) -> None:
    llrs, same = random_trials(seed, tied=bool(seed % 2))
    least = min_cllr(error_curve(llrs, same))
    assert all(cllr(slope * llrs + shift, same) >= least - 1e-12 for slope in (0.5, 1, 2) for shift in (-2, -1, 0, 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hull_never_errs_more(seed: int) -> None:
    curve = error_curve(*random_trials(seed, tied=True))
    hull = convex_hull(curve)
    assert eer(hull) <= eer(curve) + 1e-12
    assert min_dcf(hull) == pytest.approx(min_dcf(curve))


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_count_trials_as_often_as_copies_would(seed: int) -> None:
    llrs, same = random_trials(seed, tied=True)
    counts = np.random.default_rng(seed).integers(0, 4, len(llrs))
    copies, labels = np.repeat(llrs, counts), np.repeat(same, counts)
    weights = counts.astype(np.float64)
    assert cllr(llrs, same, weights) == pytest.approx(cllr(copies, labels))
    assert actual_dcf(llrs, same, weights=weights) == pytest.approx(actual_dcf(copies, labels))


def test_rates_at_a_threshold_count_it_as_accepted() -> None:
    rates = error_rates([1.0, 2.0, 3.0, 2.0], [True, True, True, False], 2.0)
    assert [rates.fnr, rates.fpr] == pytest.approx([1 / 3, 1.0])


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_of_trial_says_nothing(same: list[bool]) -> None:
    with pytest.raises(ClassMissing):
        cllr([0.1, 0.2], same)
