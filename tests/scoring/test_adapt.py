from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.scoring.adapt import adapt, require_enough
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import fmr_for_fpir
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
    adapted = adapt(calibration, llr_trials(600, scale=2.0, shift=4.0), name="x")
    slope = adapted.slope / calibration.slope
    assert slope == pytest.approx(0.5, abs=0.04)
    assert adapted.intercept - slope * calibration.intercept == pytest.approx(-2.0, abs=0.3)


def test_the_fewer_speakers_the_less_it_moves(calibration: Calibration) -> None:
    offsets = []
    for speakers in (5, 20, 100, 600):
        adapted = adapt(calibration, llr_trials(speakers, shift=20.0), name="x")
        offsets.append(adapted.intercept - adapted.slope / calibration.slope * calibration.intercept)
    assert -20.0 < offsets[3] < offsets[2] < offsets[1] < offsets[0] < 0.0


def test_perfectly_separated_scores_keep_a_slope_near_the_default(calibration: Calibration) -> None:
    trials = llr_trials(50)
    apart = replace(trials, llrs=np.where(trials.own, 50.0, -50.0))
    adapted = adapt(calibration, apart, name="x")
    assert 0.9 < adapted.slope / calibration.slope < 1.1


def test_what_the_gallery_shows_is_mixed_with_the_default_by_its_size(calibration: Calibration) -> None:
    """Higher scores of strangers are believed sooner than lower ones."""
    base, scores = calibration, np.array([one.score for one in calibration.quantiles])
    for shift, of_default in ((0.2, 2), (-0.2, 10)):
        for speakers in (5, 50):
            trials = _with_nontargets(base, speakers, shift)
            adapted = np.array([one.score for one in adapt(base, trials, name="x").quantiles])
            share = speakers / (speakers + of_default)
            np.testing.assert_allclose(adapted - scores, share * shift, atol=0.005)


def _with_nontargets(base: Calibration, speakers: int, shift: float) -> GalleryTrials:
    """Different speakers score exactly as the default says, plus `shift`."""
    places = np.repeat(np.arange(speakers), 400 // speakers)
    count = len(places) * (speakers - 1)
    rates = (np.arange(count) + 0.5) / count
    scores = np.ones((len(places), speakers))
    own = np.equal.outer(places, np.arange(speakers))
    scores[~own] = [base.score_for_fmr(rate) + shift for rate in rates]
    return GalleryTrials(scores, base.slope * scores + base.intercept, places)


def test_quantiles_and_thresholds_stay_in_order(calibration: Calibration) -> None:
    for speakers, alike in ((5, 0.0), (5, ALIKE), (40, 0.0), (40, ALIKE)):
        adapted = adapt(calibration, made_trials(calibration, 3, speakers, alike=alike), name="x")
        assert (np.diff([adapted.score_for_fmr(rate) for rate in np.geomspace(0.99, 1e-9, 300)]) >= 0).all()


def test_constant_scores_do_not_break_it(calibration: Calibration) -> None:
    trials = llr_trials(10)
    adapted = adapt(calibration, replace(trials, scores=np.full(trials.scores.shape, 0.2)), name="x")
    assert np.isfinite(adapted.score_for_fmr(1e-6))


@pytest.mark.parametrize("target_fpir", [0.01, 0.1])
@pytest.mark.parametrize("speakers", [10, 50])
def test_strangers_are_named_as_often_as_wanted_where_the_default_errs(
    calibration: Calibration, speakers: int, target_fpir: float
) -> None:
    """Galleries whose speakers are more alike than the default knows: it names strangers too often.

    30 galleries, 200 strangers each. Made-up scores end sooner than real ones do, so that with 50 speakers the tail,
    still mostly the default's, is on the safe side.
    """
    default, adapted = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        enrolled, strangers = utterances(rng, speakers, 3, ALIKE), utterances(rng, 200, 1, ALIKE)
        fitted = adapt(calibration, gallery_trials(calibration, enrolled), name="x")
        best = cosine(strangers.embeddings, enrolled.voiceprints()).max(axis=1)
        fmr = fmr_for_fpir(target_fpir, speakers)
        default.append((best >= calibration.score_for_fmr(fmr)).mean())
        adapted.append((best >= fitted.score_for_fmr(fmr)).mean())
    assert np.mean(default) > 2 * target_fpir
    assert target_fpir / 8 < np.mean(adapted) < 1.5 * target_fpir


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
