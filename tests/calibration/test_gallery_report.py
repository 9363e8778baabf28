from __future__ import annotations

import json

import numpy as np
import pytest

from speakerid.calibration.gallery_report import BINS, TARGETS, FittedGallery, fit_gallery
from speakerid.calibration.gallery_trials import GalleryTrials
from speakerid.calibration.map_adaptation import adapt
from speakerid.errors import TooFewTrials
from speakerid.metrics.cllr import min_cllr
from speakerid.metrics.eer import error_curve
from speakerid.scoring.calibration import Calibration
from speakerid.types import to_json
from tests.calibration.made_galleries import default_calibration, made_trials


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return default_calibration()


@pytest.fixture(scope="module")
def trials(calibration: Calibration) -> GalleryTrials:
    return made_trials(calibration, 2, 40, alike=0.6)


@pytest.fixture(scope="module")
def fitted(calibration: Calibration, trials: GalleryTrials) -> FittedGallery:
    return fit_gallery(calibration, trials, target_fpir=0.03)


def test_a_gallery_that_the_default_misjudges_gains(fitted: FittedGallery) -> None:
    assert fitted.fitted.cllr.low < fitted.fitted.cllr.value < fitted.fitted.cllr.high
    lost, lost_before = (kind.cllr.value - fitted.min_cllr for kind in (fitted.fitted, fitted.default))
    assert 0 < lost < lost_before / 2
    before, after = (next(p for p in kind.points if p.target_fpir == 0.1) for kind in (fitted.default, fitted.fitted))
    assert after.fpir.value < before.fpir.value
    assert after.fnir.value > before.fnir.value
    assert after.fpir.low <= after.fpir.value <= after.fpir.high


def test_points_are_the_usual_ones_and_the_gallerys_own(fitted: FittedGallery) -> None:
    for kind in (fitted.default, fitted.fitted):
        assert [point.target_fpir for point in kind.points] == [0.001, 0.01, 0.03, 0.05, 0.1]
        assert (np.diff([point.threshold_llr for point in kind.points]) <= 0).all()
    assert set(TARGETS) < {point.target_fpir for point in fitted.fitted.points}


def test_thresholds_are_those_that_answers_will_use(
    calibration: Calibration, trials: GalleryTrials, fitted: FittedGallery
) -> None:
    assert fitted.calibration == adapt(calibration, trials)
    own = trials.own_strangers(calibration)
    for kind, used, taught in ((fitted.default, calibration, None), (fitted.fitted, fitted.calibration, own)):
        for point in kind.points:
            score = calibration.strangers.taught(taught, 40, point.target_fpir)
            assert point.threshold_llr == pytest.approx(max(0.0, used.slope * score + used.intercept))


def test_min_cllr_is_that_of_the_scores(trials: GalleryTrials, fitted: FittedGallery) -> None:
    known = trials.known
    assert fitted.min_cllr == pytest.approx(min_cllr(error_curve(trials.scores[known], trials.own[known])))


def test_every_comparison_is_in_the_histogram(trials: GalleryTrials, fitted: FittedGallery) -> None:
    histogram = fitted.histogram
    assert len(histogram.edges) == BINS + 1
    assert (sum(histogram.targets), sum(histogram.nontargets)) == (trials.targets.sum(), trials.nontargets.sum())
    middles = np.add(histogram.edges[1:], histogram.edges[:-1]) / 2
    assert np.average(middles, weights=histogram.targets) > np.average(middles, weights=histogram.nontargets) + 3


def test_the_curve_rises_near_the_diagonal(fitted: FittedGallery) -> None:
    observed = [step.observed for step in fitted.curve]
    assert len(observed) > 5
    assert (np.diff(observed) > 0).all()
    middle = [step for step in fitted.curve if -1 < step.observed < 2]
    assert middle
    assert all(abs((step.low + step.high) / 2 - step.observed) < 1.5 for step in middle)


def test_it_is_plain_json(fitted: FittedGallery) -> None:
    for part in (fitted.default, fitted.fitted, fitted.histogram, fitted.curve):
        json.dumps(to_json(part), allow_nan=False)


def test_classes_without_any_overlap_have_no_curve(calibration: Calibration) -> None:
    found = made_trials(calibration, 4, 8)
    apart = GalleryTrials(found.scores, np.where(found.own, 9.0, -9.0), found.speaker)
    report = fit_gallery(calibration, apart, target_fpir=0.01)
    assert report.curve == ()
    assert report.min_cllr == 0.0


def test_too_little_is_refused(calibration: Calibration) -> None:
    with pytest.raises(TooFewTrials):
        fit_gallery(calibration, made_trials(calibration, 0, 3), target_fpir=0.01)
