from __future__ import annotations

import json
import math
import sys
from statistics import NormalDist
from subprocess import run

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration, generic
from speakerid.scoring.fit import fit

RNG = np.random.default_rng(0)
MEANS, STD = (0.1, 0.3), 0.1  # different speakers, same speaker


def fit_plain(same: NDArray[np.floating], different: NDArray[np.floating]) -> Calibration:
    return fit(same, different, domains=("made up",), fingerprint="f" * 64)


def llr(calibration: Calibration, *scores: float) -> NDArray[np.float64]:
    return calibration.llr(np.array(scores))


def gaussian_fit(targets: int = 20_000, nontargets: int = 100_000) -> Calibration:
    rng = np.random.default_rng(1)
    same, different = rng.normal(MEANS[1], STD, targets), rng.normal(MEANS[0], STD, nontargets)
    return fit_plain(same, different)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return gaussian_fit()


def test_fit_matches_the_closed_form_of_two_gaussians(calibration: Calibration) -> None:
    """log N(x; m1, s) / N(x; m0, s) = (m1 - m0) / s² x - (m1² - m0²) / 2s²; 3 % is two standard errors of the fit."""
    different, same = MEANS
    assert calibration.slope == pytest.approx((same - different) / STD**2, rel=0.03)
    assert calibration.intercept == pytest.approx(-(same**2 - different**2) / (2 * STD**2), rel=0.03)


def test_the_proportion_of_trials_does_not_shift_the_llr() -> None:
    few, many = gaussian_fit(5_000, 5_000), gaussian_fit(5_000, 200_000)
    assert llr(few, 0.2)[0] == pytest.approx(llr(many, 0.2)[0], abs=0.1)


def test_llr_keeps_shape_and_order(calibration: Calibration) -> None:
    llrs = calibration.llr(np.array([[0.0, 0.2], [0.4, 1.0]], np.float32))
    assert llrs.shape == (2, 2)
    assert (np.diff(llrs.ravel()) > 0).all()


@pytest.mark.parametrize("fmr", [0.5, 0.1, 0.05, 0.01])
def test_measured_rates_hold_on_new_scores(calibration: Calibration, fmr: float) -> None:
    """2,000 expected exceedances at the smallest rate: 10 % is more than four standard deviations of counting them."""
    scores = np.random.default_rng(2).normal(MEANS[0], STD, 200_000)
    assert (scores >= calibration.score_for_fmr(fmr)).mean() == pytest.approx(fmr, rel=0.1)


@pytest.mark.parametrize("fmr", [1e-3, 1e-4, 1e-5])
def test_an_exponential_tail_is_met_far_beyond_the_data(fmr: float) -> None:
    """Laplace scores, 20,000 of them: 1e-5 is a fifth of one score; 60 % in the rate are 2 % in the score there."""
    rng = np.random.default_rng(3)
    fitted = fit_plain(rng.normal(1, 0.1, 500), rng.laplace(0, 0.05, 20_000))
    assert 0.5 * math.exp(-fitted.score_for_fmr(fmr) / 0.05) == pytest.approx(fmr, rel=0.6)


@pytest.mark.parametrize("fmr", [1e-3, 1e-4, 1e-5])
def test_a_bounded_tail_is_met_far_beyond_the_data(fmr: float) -> None:
    """1 - sqrt(uniform) ends at 1, a generalized Pareto of shape -0.5 whose rates are known: (1 - score)^2."""
    rng = np.random.default_rng(4)
    fitted = fit_plain(rng.normal(0.99, 0.01, 500), 1 - np.sqrt(rng.uniform(size=20_000)))
    assert fitted.tail.shape == pytest.approx(-0.5, abs=0.05)
    assert fitted.score_for_fmr(fmr) == pytest.approx(1 - math.sqrt(fmr), abs=0.01)


@pytest.mark.parametrize(("fmr", "least"), [(1e-3, 0.6), (1e-4, 0.4), (1e-5, 0.2)])
def test_a_gaussian_tail_is_met_from_the_safe_side(calibration: Calibration, fmr: float, least: float) -> None:
    """The raised shape makes strangers rarer than asked for: by 40 % at the first rate, and more further out."""
    true_fmr = 1.0 - NormalDist(MEANS[0], STD).cdf(calibration.score_for_fmr(fmr))
    assert least < true_fmr / fmr < 1.1


def test_the_tail_of_few_scores_is_exponential() -> None:
    rng = np.random.default_rng(5)
    fitted = fit_plain(rng.normal(0.9, 0.02, 20), rng.uniform(-0.5, 0.5, 200))
    assert fitted.tail.shape == 0.0
    assert fitted.score_for_fmr(1e-4) > 0.5  # beyond where uniform scores end: on the safe side


def test_score_for_fmr_is_monotone_everywhere(calibration: Calibration) -> None:
    scores = [calibration.score_for_fmr(fmr) for fmr in np.geomspace(0.999, 1e-12, 400)]
    assert (np.diff(scores) >= 0).all()


@pytest.mark.parametrize("fmr", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_rates_are_refused(calibration: Calibration, fmr: float) -> None:
    with pytest.raises(ValueError, match="need 0 < fmr < 1"):
        calibration.score_for_fmr(fmr)


def test_perfectly_separated_scores_give_a_finite_slope() -> None:
    fitted = fit_plain(RNG.uniform(0.6, 0.9, 50), RNG.uniform(0.0, 0.3, 500))
    assert 0 < fitted.slope < 500
    assert llr(fitted, 0.1)[0] < 0 < llr(fitted, 0.8)[0]


def test_scores_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="not higher"):
        fit_plain(RNG.normal(0.1, 0.1, 100), RNG.normal(0.5, 0.1, 100))


def test_constant_scores_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="not higher"):
        fit_plain(np.full(20, 0.5), np.full(20, 0.5))


def test_too_few_or_broken_scores_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="3 comparisons are too few"):
        fit_plain(np.ones(3), np.zeros(100))
    with pytest.raises(ValueError, match="finite"):
        fit_plain(np.full(20, np.nan), np.zeros(100))


def test_a_calibration_is_the_same_after_json(calibration: Calibration) -> None:
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


def test_a_threshold_is_the_llr_of_its_score(calibration: Calibration) -> None:
    score = calibration.score_for_fmr(1e-3)
    assert calibration.threshold_llr(1e-3) == pytest.approx(llr(calibration, score)[0])
    assert calibration.threshold_llr(1e-3, shift=0.05) == pytest.approx(llr(calibration, score + 0.05)[0])


def test_the_generic_prior_is_a_wide_normal_distribution() -> None:
    """Within 0.01 in the score of what its comment says; the rates asked for in galleries of up to a thousand."""
    prior, strangers = generic("f"), NormalDist(0.10, 0.13)
    assert prior.is_generic
    assert prior.fingerprint == "f"
    for fmr in (0.5, 0.05, 0.01, 1e-3, 1e-4, 1e-5):
        assert prior.score_for_fmr(fmr) == pytest.approx(strangers.inv_cdf(1 - fmr), abs=0.01)
    assert llr(prior, 0.45)[0] == pytest.approx(0.0)


def test_a_fitted_one_is_not_generic(calibration: Calibration) -> None:
    assert not calibration.is_generic


def test_serving_path_does_not_load_scikit_learn() -> None:
    code = "import sys, speakerid.scoring.calibration, speakerid.scoring.decision; sys.exit('sklearn' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
