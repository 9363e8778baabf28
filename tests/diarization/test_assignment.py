"""The assignment problem agrees with SciPy's answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from speakerid.diarization.assignment import Costs, assignment


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
