"""Against closed forms and scikit-learn; test_against_speechbrain.py compares EER and minDCF with SpeechBrain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

from speakerid.metrics.cllr import cllr, min_cllr
from speakerid.metrics.dcf import actual_dcf
from speakerid.metrics.eer import ClassMissing, error_curve
from tests.metrics.trials import gaussian_llrs, random_trials

DISTANCES = (0.5, 2.0, 4.0)
SEEDS = range(20)


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
def test_weights_count_trials_as_often_as_copies_would(seed: int) -> None:
    llrs, same = random_trials(seed, tied=True)
    counts = np.random.default_rng(seed).integers(0, 4, len(llrs))
    copies, labels = np.repeat(llrs, counts), np.repeat(same, counts)
    weights = counts.astype(np.float64)
    assert cllr(llrs, same, weights) == pytest.approx(cllr(copies, labels))
    assert actual_dcf(llrs, same, weights=weights) == pytest.approx(actual_dcf(copies, labels))


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_of_trial_is_refused(same: list[bool]) -> None:
    with pytest.raises(ClassMissing):
        cllr([0.1, 0.2], same)
