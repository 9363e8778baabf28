"""How slow a peer may be."""

from __future__ import annotations

import pytest

from speakerid.api.limits import Patience


def lasts(patience: Patience, size: int, every_s: float, rounds: int = 1000) -> float:
    """Seconds until it is over for somebody who sends `size` bytes every `every_s`; endless: all rounds."""
    for done in range(rounds):
        patience.spend(every_s)
        if patience.over:
            return done * every_s
        patience.moved(size)
    return rounds * every_s


@pytest.mark.parametrize(("size", "every_s", "seconds"), [(0, 1.0, 14.0), (1, 1.0, 15.0), (512, 1.0, 29.0)])
def test_too_slow_ends(size: int, every_s: float, seconds: float) -> None:
    assert lasts(Patience(15.0), size, every_s) == pytest.approx(seconds, abs=1.0)


@pytest.mark.parametrize(("size", "every_s"), [(1024, 1.0), (14 * 1024, 14.0), (64 * 1024, 10.0)])
def test_a_slow_line_may_take_for_ever(size: int, every_s: float) -> None:
    assert lasts(Patience(15.0), size, every_s) == 1000 * every_s


def test_what_came_long_ago_does_not_count() -> None:
    patience = Patience(15.0)
    patience.moved(2**31)
    patience.spend(15.0)
    assert patience.over
