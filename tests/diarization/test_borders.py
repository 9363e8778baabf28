from __future__ import annotations

import numpy as np

from speakerid.diarization.borders import Border, BorderOptions, borders, cut_at, moved
from speakerid.diarization.turns import Talk

OPTIONS = BorderOptions(length=20, hop=5, reach=30)
WINDOWS = ((0, 20), (10, 30), (20, 40), (30, 50))  # centers 10, 20, 30, 40


def test_windows_lie_around_borders_and_inside_both_turns() -> None:
    talks = [Talk((0, 100), 0), Talk((100, 115), 1), Talk((115, 130), 1), Talk((140, 200), 0)]
    (found,) = borders(talks, OPTIONS)
    assert found == Border(1, ((70, 90), (75, 95), (80, 100), (85, 105), (90, 110), (95, 115)))


def test_no_room_is_no_border_to_look_at() -> None:
    assert borders([Talk((0, 10), 0), Talk((10, 20), 1)], OPTIONS) == []
    assert borders([], OPTIONS) == []


def test_the_cut_is_where_the_voices_part() -> None:
    assert cut_at(WINDOWS, np.array([3.0, 2.0, -1.0, -4.0])) == 25
    assert cut_at(WINDOWS, np.array([3.0, -1.0, 2.0, -4.0])) == 35  # one doubtful window does not move it
    assert cut_at(WINDOWS, np.array([-1.0, -1.0, -1.0, -1.0])) == 5
    assert cut_at(WINDOWS, np.array([1.0, 1.0, 1.0, 1.0])) == 45


def test_moved_borders_leave_something_of_every_turn() -> None:
    talks = [Talk((0, 50), 0), Talk((50, 70), 1), Talk((70, 120), 0)]
    assert moved(talks, {1: 60, 2: 65}) == [Talk((0, 60), 0), Talk((60, 65), 1), Talk((65, 120), 0)]
    assert moved(talks, {1: 60, 2: 55}) == [Talk((0, 60), 0), Talk((60, 70), 1), Talk((70, 120), 0)]
    assert moved(talks, {}) == talks
