from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from speakerid.calibration import map_adaptation
from speakerid.calibration.gallery_trials import GalleryTrials, gallery_trials
from speakerid.calibration.map_adaptation import (
    FOLDS,
    UNCHANGED,
    CrossValidated,
    Fold,
    adapt,
    left_out,
    require_enough,
    rescaled,
    unfitted,
)
from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.metrics.eer import Flags
from speakerid.scoring.calibration import Calibration
from tests.calibration.made_galleries import default_calibration, made_trials, utterances

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
    with pytest.raises(TooFewTrials, match="utterances or more: 1, "):
        require_enough(lonely)


def test_too_few_comparisons(calibration: Calibration) -> None:
    with pytest.raises(TooFewTrials, match="different speakers: 40, 50 are needed"):
        require_enough(made_trials(calibration, 0, 5, each=2))


def test_enough_is_enough(calibration: Calibration) -> None:
    require_enough(made_trials(calibration, 0, 6, each=2))


def test_classes_that_overlap(calibration: Calibration) -> None:
    trials = llr_trials(20)
    noise = replace(trials, llrs=np.random.default_rng(0).normal(size=trials.llrs.shape))
    with pytest.raises(ClassesOverlap, match=r"equal error rate (4|5)\d %"):
        require_enough(noise)


TARGET = 0.1


@pytest.fixture(scope="module")
def trials(calibration: Calibration) -> GalleryTrials:
    return made_trials(calibration, 1, 23, each=2)


@pytest.fixture(scope="module")
def judged(calibration: Calibration, trials: GalleryTrials) -> CrossValidated:
    return left_out(calibration, trials)


def test_every_speaker_is_left_out_once(judged: CrossValidated) -> None:
    assert len(judged.folds) == FOLDS
    assert sorted(np.concatenate([fold.out for fold in judged.folds]).tolist()) == list(range(23))


def test_few_speakers_are_left_out_one_by_one(calibration: Calibration) -> None:
    folds = left_out(calibration, made_trials(calibration, 1, 6)).folds
    assert [len(fold.out) for fold in folds] == [1] * 6


def test_a_calibration_knows_nothing_of_whom_it_leaves_out(
    calibration: Calibration, trials: GalleryTrials, judged: CrossValidated
) -> None:
    out = judged.folds[0].out
    touched = np.isin(trials.speaker, out)[:, np.newaxis] | np.isin(np.arange(23), out)[np.newaxis, :]
    noise = np.random.default_rng(0).normal(size=trials.scores.shape)
    scores, llrs = (np.where(touched, noise, values) for values in (trials.scores, trials.llrs))
    again = left_out(calibration, replace(trials, scores=scores, llrs=llrs))
    assert again.folds[0].calibration == judged.folds[0].calibration
    assert all(again.folds[n].calibration != judged.folds[n].calibration for n in range(1, FOLDS))


def test_llrs_come_from_the_fold_of_the_utterances_speaker(trials: GalleryTrials, judged: CrossValidated) -> None:
    llrs = judged.llrs()
    for fold in judged.folds:
        for row in np.flatnonzero(np.isin(trials.speaker, fold.out)):
            expected = fold.calibration.slope * trials.scores[row] + fold.calibration.intercept
            np.testing.assert_allclose(llrs[row], expected, atol=1e-9)


def test_rescaled_llrs_are_those_of_the_adapted_calibration(calibration: Calibration) -> None:
    adapted = replace(calibration, slope=0.7 * calibration.slope, intercept=3.0)
    scores = np.random.default_rng(0).normal(size=(4, 5))
    np.testing.assert_allclose(rescaled(calibration, adapted, calibration.llr(scores)), adapted.llr(scores))


def test_misses_and_alarms_one_by_one(trials: GalleryTrials, judged: CrossValidated) -> None:
    misses, alarms = judged.misses(TARGET), judged.alarms(TARGET)
    for fold in judged.folds:
        for row in np.flatnonzero(np.isin(trials.speaker, fold.out)):
            own = trials.speaker[row]
            reached = _reached(judged, fold, row, trials.speakers)
            assert misses[row] == (not (reached[own] and np.argmax(trials.llrs[row]) == own))
            others = np.setdiff1d(np.arange(trials.speakers), fold.out)
            assert alarms[row] == _reached(judged, fold, row, len(others))[others].any()
    assert misses.any()
    assert alarms.any()


def _reached(judged: CrossValidated, fold: Fold, row: np.intp, compared: int) -> Flags:
    llrs = fold.calibration.llr(judged.trials.scores[row])
    least = judged.base.strangers.taught(fold.own, compared, TARGET)
    flags: Flags = (judged.trials.scores[row] >= least) & (llrs >= 0)
    return flags


def test_no_one_is_named_below_even_odds(calibration: Calibration, trials: GalleryTrials) -> None:
    """However many strangers may be named, an llr below 0 is not accepted."""
    base = replace(calibration, intercept=calibration.intercept - 100.0)
    lowered = replace(trials, llrs=trials.llrs - 100.0)
    judged = unfitted(left_out(base, lowered))
    assert judged.misses(0.9).all()
    assert not judged.alarms(0.9).any()


def test_the_default_is_judged_on_the_same_folds(calibration: Calibration, judged: CrossValidated) -> None:
    plain = unfitted(judged)
    assert {id(fold.calibration) for fold in plain.folds} == {id(calibration)}
    assert [fold.out.tolist() for fold in plain.folds] == [fold.out.tolist() for fold in judged.folds]
    np.testing.assert_allclose(plain.llrs(), judged.trials.llrs)


def test_an_only_utterance_is_judged_as_a_strangers_alone(calibration: Calibration, trials: GalleryTrials) -> None:
    lonely = replace(trials, scores=trials.scores.copy(), llrs=trials.llrs.copy())
    lonely.scores[0, 0] = lonely.llrs[0, 0] = np.nan
    judged = left_out(calibration, lonely)
    assert judged.misses(TARGET)[0]
    assert np.isnan(judged.llrs()).sum() == 1


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (300.0, 1.0), (-200.0, 30.0)])
def test_no_other_slope_and_offset_explain_the_trials_better(shift: float, scale: float) -> None:
    random = np.random.default_rng(3)
    targets, nontargets = random.normal(3.0, 3.0, 400), random.normal(-4.0, 3.0, 4_000)
    regression = map_adaptation._Regression(((targets * scale + shift, 1.0), (nontargets * scale + shift, -1.0)), 10.0)
    found = map_adaptation._affine(targets * scale + shift, nontargets * scale + shift, 20)
    best = minimize(
        regression.loss, UNCHANGED, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 9_999}
    )
    assert regression.loss(np.array(found)) <= best.fun + 1e-9
    assert found == pytest.approx(best.x, rel=1e-3)
