"""Random histories of upserts, removals and searches: FAISS, numpy and a plain dict must agree."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from speakerid.index.base import Keys, VectorIndex
from speakerid.index.faiss import FaissFlatIndex
from speakerid.types import FloatArray
from tests.index.exact import ExactIndex

DIM = 4
# All inner products of these are sums of multiples of 1/4, exact in float32 in any order of summation: ties are
# real ties, so keys and scores must be equal without a tolerance.
EXACT_VECTORS = np.array(
    [[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, 0.5, 0.5]],
    dtype=np.float32,
)
KEYS = st.lists(st.integers(0, 12), max_size=8)
ROWS = st.integers(0, len(EXACT_VECTORS) - 1)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.indexes: list[VectorIndex] = [ExactIndex(DIM), FaissFlatIndex(DIM)]
        self.oracle: dict[int, FloatArray] = {}

    @rule(data=st.lists(st.tuples(st.integers(0, 12), ROWS), max_size=10))
    def upsert(self, data: list[tuple[int, int]]) -> None:
        keys = _keys([key for key, _ in data])
        vectors = EXACT_VECTORS[[row for _, row in data]]
        for index in self.indexes:
            index.upsert(keys, vectors)
        self.oracle.update({key: EXACT_VECTORS[row] for key, row in data})

    @rule(keys=KEYS)
    def remove(self, keys: list[int]) -> None:
        for index in self.indexes:
            index.remove(_keys(keys))
        for key in keys:
            self.oracle.pop(key, None)

    @rule(rows=st.lists(ROWS, min_size=1, max_size=3), k=st.integers(1, 15))
    def search(self, rows: list[int], k: int) -> None:
        queries = EXACT_VECTORS[rows]
        want = [self._best(query, k) for query in queries]
        for index in self.indexes:
            found = index.search(queries, k)
            pairs = [
                list(zip(*row, strict=True)) for row in zip(found.keys.tolist(), found.scores.tolist(), strict=True)
            ]
            assert pairs == want, type(index).__name__

    @invariant()
    def same_size(self) -> None:
        assert [len(index) for index in self.indexes] == [len(self.oracle)] * 2

    def _best(self, query: FloatArray, k: int) -> list[tuple[int, float]]:
        scored = [(key, float(np.dot(query, vector))) for key, vector in self.oracle.items()]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


def _keys(keys: list[int]) -> Keys:
    return np.array(keys, dtype=np.int64)


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestHistories = Histories.TestCase
