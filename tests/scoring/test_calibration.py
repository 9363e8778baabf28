from __future__ import annotations

import math
import sys
from dataclasses import replace
from statistics import NormalDist
from subprocess import run

import numpy as np
import pytest

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.fit import fit

RNG = np.random.default_rng(0)
MEANS, STD = (0.1, 0.3), 0.1  # different speakers, same speaker


def gaussian_fit(targets: int = 20_000, nontargets: int = 100_000) -> Calibration:
    rng = np.random.default_rng(1)
    same, different = rng.normal(MEANS[1], STD, targets), rng.normal(MEANS[0], STD, nontargets)
    return fit(same, different, fitted_on="gaussians", fingerprint="f" * 64)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return gaussian_fit()


def test_fit_matches_the_closed_form_of_two_gaussians(calibration: Calibration) -> None:
    """log N(x; m1, s) / N(x; m0, s) = (m1 - m0) / s² x - (m1² - m0²) / 2s²; 3 % is two standard errors of the fit."""
    different, same = MEANS
    assert calibration.slope == pytest.approx((same - different) / STD**2, rel=0.03)
    assert calibration.intercept == pytest.approx(-(same**2 - different**2) / (2 * STD**2), rel=0.03)
    assert calibration.nontarget_mean == pytest.approx(different, abs=0.002)
    assert calibration.nontarget_std == pytest.approx(STD, rel=0.01)


def test_the_proportion_of_trials_does_not_shift_the_llr() -> None:
    few, many = gaussian_fit(5_000, 5_000), gaussian_fit(5_000, 200_000)
    assert few.llr(np.array([0.2]))[0] == pytest.approx(many.llr(np.array([0.2]))[0], abs=0.1)


def test_llr_keeps_shape_and_order(calibration: Calibration) -> None:
    llrs = calibration.llr(np.array([[0.0, 0.2], [0.4, 1.0]], np.float32))
    assert llrs.shape == (2, 2)
    assert (np.diff(llrs.ravel()) > 0).all()


@pytest.mark.parametrize("fmr", [0.5, 0.1, 0.01, 0.001])
def test_measured_rates_hold_on_new_scores(calibration: Calibration, fmr: float) -> None:
    """200 expected exceedances at the smallest rate: 25 % is three and a half standard deviations of counting them."""
    scores = np.random.default_rng(2).normal(MEANS[0], STD, 200_000)
    assert (scores >= calibration.score_for_fmr(fmr)).mean() == pytest.approx(fmr, rel=0.25)


@pytest.mark.parametrize("fmr", [1e-5, 1e-6, 1e-7])
def test_beyond_the_data_a_gaussian_tail_is_continued(calibration: Calibration, fmr: float) -> None:
    """The true threshold is known here; the slope of the last decade is measured to about 10 %."""
    true_deviate = (calibration.score_for_fmr(fmr) - MEANS[0]) / STD
    assert true_deviate == pytest.approx(-NormalDist().inv_cdf(fmr), rel=0.05)


def test_two_kinds_of_pairs_do_not_raise_the_threshold_as_one_gaussian_would() -> None:
    """Men with women score low, all others higher: the upper tail is that of the others alone."""
    rng = np.random.default_rng(4)
    different = np.concatenate([rng.normal(0.0, 0.1, 50_000), rng.normal(0.5, 0.1, 50_000)])
    fitted = fit(rng.normal(0.9, 0.05, 1_000), different, fitted_on="two kinds", fingerprint="f")
    assert fitted.score_for_fmr(1e-5) == pytest.approx(0.5 - 0.1 * NormalDist().inv_cdf(2e-5), abs=0.03)
    assert replace(fitted, tail=()).score_for_fmr(1e-5) > 1.3


def test_a_heavy_tail_is_not_far_off_a_decade_beyond_the_data() -> None:
    """Laplace scores, heavier than any Gaussian: the last tail point is at 1e-3."""
    rng = np.random.default_rng(3)
    fitted = fit(rng.normal(1, 0.1, 500), rng.laplace(0, 0.05, 20_000), fitted_on="laplace", fingerprint="f")
    true_fmr = 0.5 * math.exp(-fitted.score_for_fmr(1e-4) / 0.05)
    assert 2e-5 < true_fmr < 5e-4


def test_score_for_fmr_is_monotone_everywhere(calibration: Calibration) -> None:
    scores = [calibration.score_for_fmr(fmr) for fmr in np.geomspace(0.999, 1e-12, 400)]
    assert (np.diff(scores) >= 0).all()


@pytest.mark.parametrize("fmr", [0.0, 1.0, -1.0, float("nan")])
def test_impossible_rates_are_refused(calibration: Calibration, fmr: float) -> None:
    with pytest.raises(ValueError, match="need 0 < fmr < 1"):
        calibration.score_for_fmr(fmr)


def test_few_scores_have_no_tail_and_fall_back_to_a_gaussian() -> None:
    fitted = gaussian_fit(targets=15, nontargets=15)
    assert fitted.tail == ()
    assert fitted.score_for_fmr(0.5) == pytest.approx(fitted.nontarget_mean)


def test_perfectly_separated_scores_give_a_finite_slope() -> None:
    fitted = fit(RNG.uniform(0.6, 0.9, 50), RNG.uniform(0.0, 0.3, 500), fitted_on="separate", fingerprint="f")
    assert 0 < fitted.slope < 500
    assert fitted.llr(np.array([0.1]))[0] < 0 < fitted.llr(np.array([0.8]))[0]


def test_scores_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="not higher"):
        fit(RNG.normal(0.1, 0.1, 100), RNG.normal(0.5, 0.1, 100), fitted_on="x", fingerprint="f")


def test_constant_scores_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="not higher"):
        fit(np.full(20, 0.5), np.full(20, 0.5), fitted_on="x", fingerprint="f")


def test_too_few_or_broken_scores_are_refused() -> None:
    with pytest.raises(CalibrationMissing, match="3 comparisons are too few"):
        fit(np.ones(3), np.zeros(100), fitted_on="x", fingerprint="f")
    with pytest.raises(ValueError, match="finite"):
        fit(np.full(20, np.nan), np.zeros(100), fitted_on="x", fingerprint="f")


def test_json_round_trip(calibration: Calibration) -> None:
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_serving_path_does_not_load_scikit_learn() -> None:
    code = "import sys, speakerid.scoring.calibration, speakerid.scoring.decision; sys.exit('sklearn' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
