"""Where the limits of the coach lie, on made-up domains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from speakerid.calibration import coach_limits
from speakerid.calibration.coach_limits import (
    MATCH_REFUSED,
    VOICES_REFUSED,
    WARNED,
    evenly,
    fit_limits,
    fit_multi_speaker,
    one_speaker,
    own_scores,
)
from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import generic
from speakerid.scoring.multi_speaker_detector import split
from tests.calibration.made_domains import DIM, made_domain

MOST = 12
CALIBRATION = generic("f" * 64)
EASY, HARD = made_domain("easy", scatter=0.3), made_domain("hard", scatter=1.2, seed=1)


def test_the_worst_domain_decides_what_is_no_match() -> None:
    alone, both = (fit_limits(domains, CALIBRATION, MOST).match_llr for domains in ([EASY], [EASY, HARD]))
    assert both.refuse < alone.refuse
    assert both.refuse < both.warn
    llrs = CALIBRATION.llr(own_scores(HARD))
    assert np.mean(llrs < both.refuse) <= MATCH_REFUSED
    assert np.mean(llrs < both.warn) <= WARNED + 1.0 / len(llrs)


def test_sessions_are_compared_with_others_only() -> None:
    """A speaker of one session has nothing to be compared with."""
    assert len(own_scores(replace(EASY, sessions=EASY.speakers))) == 0


def test_one_speaker_and_two_are_distinguished() -> None:
    model, limit = fit_multi_speaker([EASY, HARD], MOST)
    assert model.score < 0.0
    one = np.array([model.llr(split(*recording)) for recording in one_speaker(HARD, MOST)])
    two = np.array([model.llr(split(*recording)) for recording in coach_limits.two_speakers(EASY, MOST)])
    assert np.median(two) > limit.refuse
    assert np.mean(two > limit.warn) > 0.9
    assert np.mean(one > limit.refuse) <= VOICES_REFUSED + 1.0 / len(one)
    assert limit.warn < limit.refuse


def test_the_end_of_gaussian_values_is_where_their_share_lies() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 200_000)
    # The standard error of a quantile of 200,000 at 2 % is 0.01.
    assert coach_limits._end(values, WARNED) == pytest.approx(norm.isf(WARNED, 5.0, 2.0), abs=0.1)
    few = values[:100]
    assert coach_limits._end(np.append(few, 60.0), WARNED) > coach_limits._end(few, WARNED)


def test_one_odd_recording_is_not_the_end_of_its_domain() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 300)
    odd = np.append(values, 10.0)
    assert coach_limits._normal_end(odd, 0.001) == pytest.approx(coach_limits._normal_end(values, 0.001), abs=0.7)


def test_no_more_windows_are_judged_than_are_embedded() -> None:
    rows = np.arange(40, dtype=np.float32)[:, None].repeat(DIM, axis=1)
    assert evenly(rows, 3)[:, 0].tolist() == [0.0, 19.0, 39.0]
    assert len(evenly(rows[:2], 3)) == 2
    assert max(len(windows) for windows, _ in one_speaker(EASY, MOST)) == MOST


def test_too_few_examples_are_refused_by_the_name_of_their_domain() -> None:
    few = made_domain("tiny", speakers=1, each=2)
    with pytest.raises(CalibrationMissing, match="'tiny' gives"):
        fit_limits([EASY, few], CALIBRATION, MOST)
    with pytest.raises(CalibrationMissing, match="'easy' gives 0 examples"):
        fit_multi_speaker([replace(EASY, windows={})], MOST)
