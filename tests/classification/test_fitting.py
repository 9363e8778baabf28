"""Which head is chosen: the simplest whose answers to people it does not know are no worse, as far as few can tell."""

from __future__ import annotations

import numpy as np

from speakerid.classification.fitting import _simplest
from speakerid.classification.heads import Wide

SPEAKERS = np.repeat(["a", "b", "c", "d"], 5)
BEST = np.repeat([1.0, 1.2, 0.9, 1.1], 5)


def of(*by_speaker: float) -> Wide:
    """Losses that differ from the best one's by so much, speaker by speaker."""
    return np.asarray(BEST + np.repeat(by_speaker, 5))


def test_a_simpler_head_is_chosen_where_the_difference_may_be_chance() -> None:
    assert _simplest(np.stack([of(0.3, -0.2, 0.2, -0.1), BEST]), SPEAKERS) == 0


def test_a_simpler_head_that_all_speakers_find_worse_is_not() -> None:
    assert _simplest(np.stack([of(0.1, 0.12, 0.11, 0.09), BEST]), SPEAKERS) == 1


def test_one_who_says_much_decides_no_more_than_others() -> None:
    many = np.array(["a"] * 17 + ["b", "c", "d"])
    simple, best = np.zeros(20), np.zeros(20)
    simple[:17], best[17:] = -0.01, -0.005
    assert _simplest(np.stack([simple, best]), many) == 0
    assert _simplest(np.stack([best, simple]), many) == 0
