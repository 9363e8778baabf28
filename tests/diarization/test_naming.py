from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from speakerid.diarization.naming import Costs, Named, assignment, exclusive, recurring

LIMIT = 2.0
LIMITS = np.full((2, 3), 2.0)


def named(*llrs: list[float], margin: float = 1.0) -> list[Named]:
    found = np.array(llrs)
    return exclusive(found, np.full(found.shape, LIMIT), margin)


def test_a_name_goes_to_the_voice_that_fits_it_best() -> None:
    assert named([5.0, -3.0], [7.0, -3.0]) == [Named("unknown", taken=True), Named("accept", 0)]


def test_a_second_choice_above_its_threshold_is_a_name_too() -> None:
    assert named([9.0, 8.5], [8.8, 0.0]) == [Named("accept", 1), Named("accept", 0)]


def test_below_the_threshold_no_one_is_named() -> None:
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


def made_costs(seed: int) -> Costs:
    """Up to 8 by 8; every third has many ties."""
    random = np.random.default_rng(seed)
    costs = random.normal(size=random.integers(1, 9, 2))
    return np.round(costs) if seed % 3 == 0 else costs


@pytest.mark.parametrize("seed", range(60))
def test_the_least_cost_is_the_one_that_scipy_finds(seed: int) -> None:
    costs = made_costs(seed)
    rows, columns = (list(one) for one in zip(*assignment(costs), strict=True))
    assert costs[rows, columns].sum() == pytest.approx(costs[linear_sum_assignment(costs)].sum(), abs=1e-9)
    assert len(set(columns)) == len(rows) == min(costs.shape)
    assert rows == sorted(set(rows))


def test_a_large_gallery_gives_the_same_pairs() -> None:
    costs = np.random.default_rng(0).normal(size=(30, 5_000))
    assert assignment(costs) == [
        (int(row), int(column)) for row, column in zip(*linear_sum_assignment(costs), strict=True)
    ]


def test_nothing_is_assigned_where_there_is_nothing() -> None:
    assert assignment(np.zeros((0, 3))) == assignment(np.zeros((3, 0))) == []
