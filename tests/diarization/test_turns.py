from __future__ import annotations

import numpy as np

from speakerid.diarization.turns import Talk, cut, turns


def test_the_speaker_changes_halfway_between_windows() -> None:
    windows = [(0, 100), (50, 150), (100, 200)]
    assert turns([(0, 200)], windows, np.array([4, 4, 7])) == [Talk((0, 125), 4), Talk((125, 200), 7)]


def test_a_pause_ends_a_turn_of_the_same_voice() -> None:
    assert turns([(0, 50), (90, 140)], [(0, 50), (90, 140)], np.array([1, 1])) == [Talk((0, 50), 1), Talk((90, 140), 1)]


def test_what_is_too_short_for_a_window_follows_the_nearest() -> None:
    found = turns([(0, 50), (60, 65), (200, 250)], [(0, 50), (200, 250)], np.array([1, 2]))
    assert found[1] == Talk((60, 65), 1)


def test_without_windows_there_are_no_turns() -> None:
    assert turns([(0, 5)], [], np.array([], np.intp)) == []


def test_long_turns_are_cut_evenly() -> None:
    parts = cut([Talk((0, 19), 0), Talk((20, 40), 1), Talk((50, 155), 0)], 50)
    assert [one.span for one in parts] == [(0, 19), (20, 40), (50, 85), (85, 120), (120, 155)]
