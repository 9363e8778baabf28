"""Which voices of a recording were kept before."""

from __future__ import annotations

import numpy as np

from speakerid.diarization.recurring import recurring

LIMITS = np.full((2, 3), 2.0)


def test_a_voice_that_reaches_no_threshold_is_new() -> None:
    llrs = np.array([[1.9, -3.0, -8.0], [-5.0, 2.1, -4.0]])
    assert recurring(llrs, LIMITS) == [None, 1]


def test_no_kept_voice_is_two_voices_of_one_recording() -> None:
    llrs = np.array([[9.0, -3.0, -8.0], [6.0, -4.0, -4.0]])
    assert recurring(llrs, LIMITS) == [0, None]


def test_of_two_kept_voices_that_fit_the_better_is_taken() -> None:
    llrs = np.array([[9.0, 8.9, -8.0], [-5.0, -4.0, -4.0]])
    assert recurring(llrs, LIMITS) == [0, None]


def test_each_pair_has_its_own_threshold() -> None:
    llrs = np.array([[5.0, 5.0, -8.0], [-5.0, -4.0, 1.0]])
    assert recurring(llrs, np.array([[6.0, 4.0, 2.0], [2.0, 2.0, 0.0]])) == [1, 2]


def test_nothing_is_kept_yet() -> None:
    assert recurring(np.zeros((2, 0)), np.zeros((2, 0))) == [None, None]
