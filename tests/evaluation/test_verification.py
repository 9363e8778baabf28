from __future__ import annotations

import numpy as np
import pytest

from speakerid.evaluation.trials import TrialList
from speakerid.evaluation.verification import verify
from speakerid.metrics.intervals import wilson
from tests.metrics.trials import gaussian_llrs

DISTANCE = 2.0


def trials(same: list[bool], speakers: int = 4) -> tuple[TrialList, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    enroll = np.arange(len(same)) % speakers
    test = np.where(same, enroll, (enroll + 1) % speakers) + speakers
    listed = TrialList("list", "", tuple(f"u{n}" for n in range(2 * speakers)), enroll, test, np.array(same))
    return listed, np.arange(2 * speakers) % speakers


def test_calibrated_gaussian_scores_have_known_figures() -> None:
    llrs, same = gaussian_llrs(DISTANCE, 20_000)
    listed, speakers = trials(same.tolist(), 40)
    found = verify(listed, llrs, speakers, are_llrs=True, resamples=10)
    assert found.eer == pytest.approx(15.87, abs=0.01)  # the normal distribution's tail beyond 1
    assert found.cllr == pytest.approx(found.min_cllr, abs=1e-3)
    assert found.dcf == pytest.approx(found.min_dcf, abs=99 / 20_000)  # what one false alarm costs
    assert (found.trials, found.targets, found.nontargets, found.speakers) == (40_000, 20_000, 20_000, 40)
    assert set(found.intervals) == {"eer", "min_dcf", "min_dcf_p05", "min_cllr", "cllr", "dcf"}
    for name in ("eer", "cllr"):  # the minima are biased: they choose the best of each draw
        low, high = found.intervals[name]
        assert low <= getattr(found, name) <= high


def test_scores_that_are_no_llrs_have_no_cllr_and_unknown_speakers_no_intervals() -> None:
    listed, speakers = trials([True, False] * 20)
    scores = np.where(listed.same, 1.0, 0.0)
    assert verify(listed, scores, speakers).cllr is None
    found = verify(listed, scores, None)
    assert (found.eer, found.intervals, found.resamples, found.speakers) == (0.0, {}, 0, None)


def test_without_draws_there_are_no_intervals() -> None:
    listed, speakers = trials([True, False] * 20)
    found = verify(listed, np.where(listed.same, 1.0, 0.0), speakers, resamples=0)
    assert (found.intervals, found.resamples, found.speakers) == ({}, 0, 4)


def test_where_no_trial_is_wrong_the_interval_is_that_of_the_number_of_speakers() -> None:
    listed, speakers = trials([True, False] * 20)
    llrs = np.where(listed.same, 9.0, -9.0)
    found = verify(listed, llrs, speakers, are_llrs=True, resamples=20)
    assert (found.eer, found.min_dcf, found.dcf) == (0.0, 0.0, 0.0)
    assert found.intervals.keys() <= {"eer", "cllr"}  # nothing tells how far from 0 the costs may be
    low, high = found.intervals["eer"]
    assert low == 0.0
    assert high == pytest.approx(100 * wilson(0, 4).high)
