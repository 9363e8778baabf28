"""One voice or two: the split of made-up windows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from speakerid.scoring.multi_speaker_detector import Parts, VoicesModel, split
from speakerid.types import FloatArray
from tests.db.rows import unit
from tests.services.enrolled import near


def windows(voice: FloatArray, count: int, cosine: float = 0.9, seed: int = 0) -> FloatArray:
    """`(count, dim)` at this cosine from `voice`."""
    return np.stack([near(voice, cosine, seed + number) for number in range(count)])


def test_two_voices_are_told_apart_by_time_and_likeness() -> None:
    ada, ben = unit(1), near(unit(1), 0.1, seed=9)
    both = np.concatenate([windows(ada, 6), windows(ben, 2, seed=50)])
    parts = split(both, speech_s=8.0)
    assert parts.smaller_s == pytest.approx(2.0)
    assert parts.score < 0.3
    alone = split(windows(ada, 8), speech_s=8.0)
    assert alone.score > 0.75


def test_the_order_of_windows_does_not_matter() -> None:
    both = np.concatenate([windows(unit(1), 5), windows(unit(2), 4, seed=50)])
    first = split(both, 9.0)
    shuffled = split(both[np.random.default_rng(3).permutation(len(both))], 9.0)
    assert shuffled.score == pytest.approx(first.score, abs=1e-6)
    assert shuffled.smaller_s == pytest.approx(4.0)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_windows_that_are_all_the_same_are_one_voice(count: int) -> None:
    parts = split(np.stack([unit(1)] * count), 3.0)
    assert parts.score == pytest.approx(1.0)
    assert 0.0 < parts.smaller_s <= 1.5


def test_opposite_windows_do_not_cancel() -> None:
    assert split(np.stack([unit(1), -unit(1)]), 3.0) == Parts(score=-1.0, smaller_s=1.5)


def test_one_window_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="1 windows"):
        split(unit(1)[None], 1.5)


def test_the_llr_is_the_sum_it_says() -> None:
    model = VoicesModel(bias=1.0, score=-10.0, smaller=2.0)
    assert model.llr(Parts(score=0.2, smaller_s=math.e)) == pytest.approx(1.0 - 2.0 + 2.0)
