"""What PostgreSQL answers, as arrays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from sqlalchemy.orm import Session

from speakerid.db.repositories import stored_vectors


def answering(*rows: tuple[int, int, float]) -> Session:
    """A PostgreSQL that finds these: number of the query, key and score."""

    def execute(*_: Any) -> object:
        return SimpleNamespace(all=lambda: list(rows))

    return cast(Session, SimpleNamespace(execute=execute))


@pytest.mark.parametrize(
    ("rows", "keys", "scores"),
    [
        ([(1, 7, 0.9), (1, 8, 0.5), (1, 9, 0.25), (2, 5, 0.75)], [[7], [5]], [[0.9], [0.75]]),
        ([(1, 7, 0.9), (2, 5, 0.75), (2, 8, 0.5), (2, 9, 0.25)], [[7], [5]], [[0.9], [0.75]]),
        ([(1, 7, 0.9), (1, 8, 0.5), (2, 5, 0.75), (2, 9, 0.25)], [[7, 8], [5, 9]], [[0.9, 0.5], [0.75, 0.25]]),
        ([(2, 5, 0.75), (2, 8, 0.5)], [[], []], [[], []]),
        ([], [[], []], [[], []]),
    ],
    ids=["fewer of the second", "fewer of the first", "as many", "none of the first", "none"],
)
def test_each_query_has_its_own_hits_where_the_approximate_index_finds_fewer_of_one(
    rows: list[tuple[int, int, float]], keys: list[list[int]], scores: list[list[float]]
) -> None:
    found = stored_vectors.nearest(answering(*rows), 1, np.eye(2, dtype=np.float32), 3, near=True)
    assert found.keys.tolist() == keys
    assert found.scores.tolist() == np.array(scores, np.float32).tolist()
