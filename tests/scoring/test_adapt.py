from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.scoring import adapt as adapting
from speakerid.scoring.adapt import UNCHANGED, adapt, require_enough
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.gallery_trials import GalleryTrials, gallery_trials
from tests.scoring.galleries import default_calibration, made_trials, utterances

ALIKE = 0.45  # moves scores of different speakers by about two standard deviations


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return default_calibration()


def llr_trials(speakers: int, *, scale: float = 1.0, shift: float = 0.0) -> GalleryTrials:
    """Calibrated llrs of Gaussian scores 3 apart, then scaled and shifted as a wrong calibration would."""
    rng = np.random.default_rng(5)
    places = np.repeat(np.arange(speakers), 2)
    raw = rng.normal(size=(2 * speakers, speakers)) + 3 * np.equal.outer(places, np.arange(speakers))
    return GalleryTrials(raw, scale * (3 * raw - 4.5) + shift, places)


def test_many_speakers_undo_a_wrong_scale_and_shift(calibration: Calibration) -> None:
    adapted = adapt(calibration, llr_trials(600, scale=2.0, shift=4.0))
    slope = adapted.slope / calibration.slope
    assert slope == pytest.approx(0.5, abs=0.04)
    assert adapted.intercept - slope * calibration.intercept == pytest.approx(-2.0, abs=0.3)


def test_the_fewer_speakers_the_less_it_moves(calibration: Calibration) -> None:
    offsets = []
    for speakers in (5, 20, 100, 600):
        adapted = adapt(calibration, llr_trials(speakers, shift=20.0))
        offsets.append(adapted.intercept - adapted.slope / calibration.slope * calibration.intercept)
    assert -20.0 < offsets[3] < offsets[2] < offsets[1] < offsets[0] < 0.0


def test_perfectly_separated_scores_keep_a_slope_near_the_default(calibration: Calibration) -> None:
    trials = llr_trials(50)
    apart = replace(trials, llrs=np.where(trials.own, 50.0, -50.0))
    adapted = adapt(calibration, apart)
    assert 0.9 < adapted.slope / calibration.slope < 1.1


def test_what_strangers_score_stays(calibration: Calibration) -> None:
    adapted = adapt(calibration, made_trials(calibration, 3, 40, alike=ALIKE))
    assert adapted.strangers == calibration.strangers
    assert (adapted.domains, adapted.fingerprint) == (calibration.domains, calibration.fingerprint)


def test_too_few_speakers_with_two_utterances(calibration: Calibration) -> None:
    enrolled = replace(utterances(np.random.default_rng(0), 30, 1), speaker=np.minimum(np.arange(30), 26))
    lonely = gallery_trials(calibration, enrolled)
    with pytest.raises(TooFewTrials, match="1 speakers of this gallery have two"):
        require_enough(lonely)


def test_too_few_comparisons(calibration: Calibration) -> None:
    with pytest.raises(TooFewTrials, match="40 comparisons of different speakers"):
        require_enough(made_trials(calibration, 0, 5, each=2))


def test_enough_is_enough(calibration: Calibration) -> None:
    require_enough(made_trials(calibration, 0, 6, each=2))


def test_classes_that_overlap(calibration: Calibration) -> None:
    trials = llr_trials(20)
    noise = replace(trials, llrs=np.random.default_rng(0).normal(size=trials.llrs.shape))
    with pytest.raises(ClassesOverlap, match=r"equal error rate (4|5)\d %"):
        require_enough(noise)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (300.0, 1.0), (-200.0, 30.0)])
def test_no_other_slope_and_offset_explain_the_trials_better(shift: float, scale: float) -> None:
    random = np.random.default_rng(3)
    targets, nontargets = random.normal(3.0, 3.0, 400), random.normal(-4.0, 3.0, 4_000)
    regression = adapting._Regression(((targets * scale + shift, 1.0), (nontargets * scale + shift, -1.0)), 10.0)
    found = adapting._affine(targets * scale + shift, nontargets * scale + shift, 20)
    best = minimize(
        regression.loss, UNCHANGED, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 9_999}
    )
    assert regression.loss(np.array(found)) <= best.fun + 1e-9
    assert found == pytest.approx(best.x, rel=1e-3)
