from __future__ import annotations

import json
import sys
from subprocess import run

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import GENERIC, Calibration, generic
from speakerid.scoring.fit import fit

RNG = np.random.default_rng(0)
MEANS, STD = (0.1, 0.3), 0.1  # different speakers, same speaker


def fit_plain(same: NDArray[np.floating], different: NDArray[np.floating]) -> Calibration:
    return fit(same, different, strangers=GENERIC.strangers, domains=("made up",), fingerprint="f" * 64)


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


def test_embeddings_are_compared_by_their_cosines(calibration: Calibration) -> None:
    probes, enrolled = np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)
    found = calibration.compare(probes, enrolled)
    assert found.shape == (2, 3)
    assert (found[0, 0], found[0, 1]) == (calibration.llr_of(1.0), calibration.llr_of(0.0))


def test_any_encoder_starts_from_a_prior() -> None:
    prior = generic("f")
    assert prior.is_generic
    assert prior.fingerprint == "f"
    assert llr(prior, 0.45)[0] == pytest.approx(0.0)


def test_a_fitted_one_is_not_generic(calibration: Calibration) -> None:
    assert not calibration.is_generic


def test_serving_path_does_not_load_scikit_learn() -> None:
    code = "import sys, speakerid.scoring.calibration, speakerid.scoring.decision; sys.exit('sklearn' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
