from __future__ import annotations

import numpy as np
import pytest

from speakerid.diarization.naming import Named, exclusive

LIMIT = 2.0


def named(*llrs: list[float], margin: float = 1.0) -> list[Named]:
    found = np.array(llrs)
    return exclusive(found, np.full(found.shape, LIMIT), margin)


def test_a_name_goes_to_the_voice_that_fits_it_best() -> None:
    assert named([5.0, -3.0], [7.0, -3.0]) == [Named("unknown", taken=True), Named("accept", 0)]


def test_a_second_choice_above_its_threshold_is_a_name_too() -> None:
    assert named([9.0, 8.5], [8.8, 0.0]) == [Named("accept", 1), Named("accept", 0)]


def test_below_the_threshold_nobody_is_named() -> None:
    assert named([1.9, 0.0], [-2.0, 1.0]) == [Named("unknown"), Named("unknown")]


def test_two_free_names_too_close_to_call() -> None:
    assert named([5.0, 4.5]) == [Named("ambiguous", 0)]
    assert named([5.0, 3.5]) == [Named("accept", 0)]


def test_more_voices_than_names() -> None:
    found = named([3.0], [4.0], [9.0])
    assert [one.decision for one in found] == ["unknown", "unknown", "accept"]


@pytest.mark.parametrize("seed", range(20))
def test_no_name_is_given_twice_or_below_its_threshold(seed: int) -> None:
    llrs = np.random.default_rng(seed).normal(2.0, 3.0, (7, 5))
    found = named(*llrs.tolist(), margin=0.0)
    given = [one.column for one in found if one.column is not None]
    assert given
    assert len(given) == len(set(given))
    assert all(llrs[row, one.column] >= LIMIT for row, one in enumerate(found) if one.column is not None)
