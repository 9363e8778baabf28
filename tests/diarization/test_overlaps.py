from __future__ import annotations

from collections.abc import Sequence

import pytest

from speakerid.diarization.overlaps import SecondOptions, merged, overlapped, sharing, with_second_voices, without
from speakerid.diarization.turns import Talk

ADA, BEN, EVE = 0, 1, 2
TALKS = [Talk((0, 100), ADA), Talk((100, 200), BEN), Talk((250, 300), ADA), Talk((320, 400), EVE)]
OPTIONS = SecondOptions(reach=60, shortest=5)


def added(overlap: tuple[int, int], talks: Sequence[Talk] = TALKS) -> list[Talk]:
    """What is said that was not said before."""
    return [one for one in with_second_voices(talks, [overlap], OPTIONS) if one not in talks]


@pytest.mark.parametrize(
    ("overlap", "second"),
    [
        ((90, 100), [Talk((90, 200), BEN)]),  # who is about to begin
        ((100, 110), [Talk((0, 110), ADA)]),  # who has just ended
        ((90, 115), [Talk((0, 115), ADA), Talk((90, 200), BEN)]),  # on both sides of a border
        ((120, 150), [Talk((120, 150), ADA)]),  # the nearer one: 20 and 100 away
        ((185, 199), [Talk((190, 199), ADA)]),  # nearer to what she says next, as far as that reaches
        ((255, 260), [Talk((255, 260), BEN)]),
        ((290, 330), [Talk((290, 300), EVE), Talk((320, 330), ADA)]),  # nothing where nobody was heard
        ((205, 245), []),
        ((297, 310), []),  # three samples of it are in a talk: too short to be added 20 away from its voice
    ],
)
def test_the_second_voice_is_the_nearest_other_one(overlap: tuple[int, int], second: list[Talk]) -> None:
    assert added(overlap) == second


def test_a_voice_reaches_only_so_far() -> None:
    talks = [Talk((0, 10), BEN), Talk((10, 500), ADA), Talk((500, 510), EVE)]
    assert added((20, 300), talks) == [Talk((20, 70), BEN)]
    assert added((200, 480), talks) == [Talk((440, 480), EVE)]
    assert added((100, 400), talks) == []


def test_talks_that_were_cut_are_one_again() -> None:
    talks = [Talk((0, 100), ADA), Talk((100, 200), ADA), Talk((200, 300), BEN)]
    assert with_second_voices(talks, [(80, 199)], SecondOptions(reach=60, shortest=5)) == [
        Talk((0, 200), ADA),
        Talk((140, 199), BEN),
        Talk((200, 300), BEN),
    ]


def test_nobody_is_near() -> None:
    assert added((50, 60), [Talk((0, 100), ADA), Talk((170, 200), BEN)]) == []
    assert added((50, 60), [Talk((0, 100), ADA)]) == []
    assert added((50, 60), []) == []


def test_talks_of_one_voice_that_touch_become_one() -> None:
    talks = [Talk((0, 10), ADA), Talk((10, 30), ADA), Talk((25, 50), BEN), Talk((30, 40), EVE), Talk((28, 35), ADA)]
    assert merged(talks) == [Talk((0, 35), ADA), Talk((25, 50), BEN), Talk((30, 40), EVE)]
    assert merged([Talk((0, 10), ADA), Talk((11, 20), ADA)]) == [Talk((0, 10), ADA), Talk((11, 20), ADA)]
    assert merged([]) == []


def test_a_turn_is_overlapped_in_any_part() -> None:
    assert overlapped((0, 10), [(9, 20)])
    assert not overlapped((0, 10), [(10, 20)])


@pytest.mark.parametrize(
    ("span", "left"),
    [
        ((0, 100), [(0, 10), (20, 40), (50, 100)]),
        ((15, 45), [(20, 40)]),
        ((20, 40), [(20, 40)]),
        ((40, 50), []),
        ((60, 70), [(60, 70)]),
    ],
)
def test_what_one_voice_says_alone(span: tuple[int, int], left: list[tuple[int, int]]) -> None:
    assert without(span, [(10, 20), (40, 50), (200, 300)]) == left


def test_spans_that_share_time() -> None:
    assert sharing([(0, 10), (5, 7), (8, 12), (12, 20)]) == [True, True, True, False]
    assert sharing([(0, 100), (10, 20), (30, 40), (100, 110)]) == [True, True, True, False]
    assert sharing([(0, 10)]) == [False]
    assert sharing([]) == []
