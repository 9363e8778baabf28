"""What every VectorIndex must do, in memory or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from speakerid.index.base import Keys, VectorIndex
from speakerid.index.faiss import FaissFlatIndex
from speakerid.types import FloatArray
from tests.index.exact import ExactIndex
from tests.index.in_postgresql import in_postgresql
from tests.postgres import Postgres

DIM = 16
SCORE_TOLERANCE = 1e-6  # float32 sums of 16 products in another order differ by a few units of 6e-8


@pytest.fixture(params=[ExactIndex, FaissFlatIndex, pytest.param("pgvector", marks=pytest.mark.slow)])
def index(request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    if request.param != "pgvector":
        yield request.param(DIM)
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(migrated=True) as url, in_postgresql(url, DIM) as made:
        yield made


def unit(count: int, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, DIM))
    normalized: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return normalized


def keys(*values: int) -> Keys:
    return np.array(values, dtype=np.int64)


def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    found = index.search(unit(3), 5)
    assert (found.keys.shape, found.scores.shape) == ((3, 0), (3, 0))
    assert (len(index), index.dim) == (0, DIM)


def test_each_vector_finds_itself_first_with_score_1(index: VectorIndex) -> None:
    vectors = unit(100)
    index.upsert(np.arange(1000, 1100), vectors)
    found = index.search(vectors, 1)
    assert found.keys[:, 0].tolist() == list(range(1000, 1100))
    np.testing.assert_allclose(found.scores[:, 0], 1.0, atol=SCORE_TOLERANCE)


def test_scores_are_cosines_best_first(index: VectorIndex) -> None:
    vectors, queries = unit(200), unit(30, seed=1)
    index.upsert(np.arange(200), vectors)
    found = index.search(queries, 200)
    want = np.take_along_axis(queries @ vectors.T, found.keys, axis=1)
    np.testing.assert_allclose(found.scores, want, atol=SCORE_TOLERANCE)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_dtypes_and_k_clipped_to_size(index: VectorIndex) -> None:
    index.upsert(keys(5, 6), unit(2))
    found = index.search(unit(1), 10)
    assert (found.keys.dtype.name, found.scores.dtype.name) == ("int64", "float32")
    assert sorted(found.keys[0].tolist()) == [5, 6]


def test_ties_go_to_the_lower_key_even_across_the_edge(index: VectorIndex) -> None:
    same = np.repeat(unit(1), 50, axis=0)
    index.upsert(np.arange(50)[::-1].copy(), same)
    assert index.search(same[:1], 3).keys.tolist() == [[0, 1, 2]]


def test_upsert_replaces_and_the_last_of_equal_keys_wins(index: VectorIndex) -> None:
    vectors = unit(3)
    index.upsert(keys(7), vectors[:1])
    index.upsert(keys(7, 7), vectors[1:])
    assert len(index) == 1
    assert index.search(vectors[2:], 1).scores[0, 0] == pytest.approx(1.0, abs=SCORE_TOLERANCE)


def test_removed_keys_are_never_found_and_the_rest_keep_their_vectors(index: VectorIndex) -> None:
    vectors = unit(100)
    index.upsert(np.arange(100), vectors)
    index.remove(keys(*range(0, 100, 2), 4711))
    found = index.search(vectors[1::2], 1)
    assert found.keys[:, 0].tolist() == list(range(1, 100, 2))
    assert not set(index.search(vectors, 100).keys.ravel().tolist()) & set(range(0, 100, 2))
    assert len(index) == 50


def test_nothing_to_do_is_fine(index: VectorIndex) -> None:
    index.upsert(keys(), np.empty((0, DIM), np.float32))
    index.remove(keys())
    assert index.search(np.empty((0, DIM), np.float32), 1).keys.shape[0] == 0


@pytest.mark.parametrize(
    "vectors",
    [
        np.full((1, DIM), np.nan, np.float32),
        np.zeros((1, DIM), np.float32),
        2 * unit(1),
        unit(1)[:, :-1],
        unit(1)[0],
        unit(1).astype(np.float64),
    ],
    ids=["nan", "zero", "not normalized", "wrong dim", "1-D", "float64"],
)
def test_bad_vectors_are_refused_and_change_nothing(index: VectorIndex, vectors: FloatArray) -> None:
    with pytest.raises(ValueError, match="vectors"):
        index.upsert(keys(1), vectors)
    with pytest.raises(ValueError, match="vectors"):
        index.search(vectors, 1)
    assert len(index) == 0


def test_bad_keys_and_k_are_refused(index: VectorIndex) -> None:
    for bad in (keys(1, 2), keys(-1), np.array([1.0]), np.array([[1]])):
        with pytest.raises(ValueError, match="keys"):
            index.upsert(bad, unit(1))
    with pytest.raises(ValueError, match="k must be"):
        index.search(unit(1), 0)


def test_the_caller_may_reuse_its_arrays(index: VectorIndex) -> None:
    vectors, stored = unit(1), unit(1)
    index.upsert(keys(1), stored)
    stored[:] = 0
    assert index.search(vectors, 1).scores[0, 0] == pytest.approx(1.0, abs=SCORE_TOLERANCE)


def test_stored_vectors_come_back_as_they_are_and_those_of_other_keys_do_not(index: VectorIndex) -> None:
    vectors = unit(5)
    index.upsert(keys(7, 3, 9, 1, 5), vectors)
    index.remove(keys(9))
    some, nothing = index.vectors(keys(5, 9, 3, 4)), index.vectors(keys(2))
    assert some is not None
    assert nothing is not None
    assert some[0].tolist() == [5, 3]
    np.testing.assert_array_equal(some[1], vectors[[4, 1]])
    assert (len(nothing[0]), nothing[1].shape) == (0, (0, vectors.shape[1]))


def test_threads_may_change_and_search_at_once(index: VectorIndex) -> None:
    vectors = unit(400)
    index.upsert(np.arange(200), vectors[:200])

    def churn(round_: int) -> None:
        block = np.arange(200 + 20 * round_, 220 + 20 * round_)
        index.upsert(block, vectors[block])
        index.remove(block[::2])

    def search(_: int) -> list[int]:
        found: list[int] = index.search(vectors[:200], 1).keys[:, 0].tolist()
        return found

    with ThreadPoolExecutor(8) as pool:
        changes, searches = pool.map(churn, range(10)), pool.map(search, range(40))
        assert all(found == list(range(200)) for found in searches)
        list(changes)
    assert len(index) == 300
