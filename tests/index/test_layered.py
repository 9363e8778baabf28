"""A large gallery is searched through its compressed vectors: who is found is who an exact search finds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from speakerid.index import compressed
from speakerid.index.base import Keys, SearchResult
from speakerid.index.faiss import FaissFlatIndex, LayeredIndex
from speakerid.types import FloatArray
from tests.index.exact import ExactIndex
from tests.index.voices import DIM, keys, probes, voices

MANY = 6_000
SCORE_TOLERANCE = 0.005  # a byte for each number: half a step of 1/127 of the largest, at most, in each of 48


@pytest.fixture(autouse=True)
def shortlist(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few that not all of MANY are compared in the second pass."""
    monkeypatch.setattr(compressed, "SHORTLIST", 1_000)


def filled(count: int = MANY, exact_up_to: int = 1_000) -> LayeredIndex:
    index, vectors, named = LayeredIndex(DIM, exact_up_to=exact_up_to), voices(count), keys(count)
    index.load((named[at : at + 500], vectors[at : at + 500]) for at in range(0, count, 500))
    return index


def exact(count: int = MANY) -> ExactIndex:
    index = ExactIndex(DIM)
    index.upsert(keys(count), voices(count))
    return index


def test_few_vectors_are_searched_exactly() -> None:
    layered, flat = filled(900), FaissFlatIndex(DIM)
    flat.upsert(keys(900), voices(900))
    assert layered.base is None
    for k in (1, 13, 900):
        found, wanted = layered.search(voices(20, 5), k), flat.search(voices(20, 5), k)
        np.testing.assert_array_equal(found.keys, wanted.keys)
        np.testing.assert_array_equal(found.scores, wanted.scores)


def test_many_vectors_are_compressed_and_the_best_stays_the_best() -> None:
    layered, sought = filled(), probes(voices(MANY)[::20])
    assert layered.base is not None
    found, wanted = layered.search(sought, 13), exact().search(sought, 13)
    assert np.mean(best(found, sought) == wanted.keys[:, 0]) >= 0.999
    assert np.mean([len(set(a) & set(b)) for a, b in zip(found.keys, wanted.keys, strict=True)]) > 12.5


def best(found: SearchResult, sought: FloatArray) -> Keys:
    """Compared by the vectors themselves, as whoever decides does."""
    vectors = voices(MANY)[(found.keys - 1) // 3]
    scores = np.einsum("qkd,qd->qk", vectors, sought)
    chosen: Keys = found.keys[np.arange(len(sought)), scores.argmax(axis=1)]
    return chosen


def test_scores_of_compressed_vectors_are_cosines_to_three_digits() -> None:
    found = filled().search(probes(voices(MANY)[:50]), 20)
    wanted = np.einsum("qkd,qd->qk", voices(MANY)[(found.keys - 1) // 3], probes(voices(MANY)[:50]))
    np.testing.assert_allclose(found.scores, wanted, atol=SCORE_TOLERANCE)
    assert (np.diff(found.scores, axis=1) <= 0).all()


@pytest.mark.parametrize("k", [3_000, MANY, 2 * MANY])
def test_whoever_asks_for_nearly_all_gets_them(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "AT_ONCE", 999)  # vectors as float32 in memory
    found = filled().search(voices(2, 5), k)
    assert found.keys.shape == (2, min(k, MANY))
    assert len(set(found.keys[0].tolist())) == min(k, MANY)
    wanted = np.einsum("kd,d->k", voices(MANY)[(found.keys[0] - 1) // 3], voices(2, 5)[0])
    np.testing.assert_allclose(found.scores[0], wanted, atol=SCORE_TOLERANCE)


def test_what_is_removed_or_replaced_is_never_found_again() -> None:
    index, gone, moved = filled(), keys(MANY)[:50], keys(MANY)[50:100]
    index.remove(gone)
    index.upsert(moved, voices(50, 77))
    assert len(index) == MANY - 50
    for one in (index, rebuilt(index)):
        found = one.search(voices(MANY)[:50], 40)
        assert not set(found.keys.ravel().tolist()) & set(gone.tolist())
        assert one.search(voices(50, 77), 1).keys[:, 0].tolist() == moved.tolist()
        assert len(set(one.search(voices(1, 77), 200).keys[0].tolist())) == 200


def rebuilt(index: LayeredIndex) -> LayeredIndex:
    index.rebuild(index.freeze())
    return index


def test_many_dead_vectors_near_a_probe_do_not_hide_the_living() -> None:
    index, sought = filled(), voices(1)
    near = exact().search(sought, 1_500).keys[0]
    index.remove(near[:1_400])
    assert near[1_400] in index.search(sought, 100).keys[0]


def test_a_rebuild_takes_in_what_is_beside_and_keeps_what_changes_meanwhile() -> None:
    index = filled()
    index.upsert(keys(150, MANY), voices(150, 5))
    assert index.is_due
    frozen = index.freeze()
    index.remove(keys(1, MANY))
    index.upsert(keys(1), voices(1, 9))
    index.upsert(keys(1, MANY + 1_000), voices(1, 10))
    base = index.rebuild(frozen)
    assert (len(base), len(index), index.is_due) == (MANY + 150, MANY + 150, False)
    found = [int(index.search(one, 1).keys[0, 0]) for one in (voices(1, 9), voices(1, 10), voices(150, 5)[1:2])]
    assert found == [int(keys(1)[0]), int(keys(1, MANY + 1_000)[0]), int(keys(1, MANY + 1)[0])]
    assert int(keys(1, MANY)[0]) not in index.keys().tolist()


def test_the_log_may_be_applied_again_without_growing_anything() -> None:
    index = filled()
    index.upsert(keys(MANY), voices(MANY))
    assert not index.is_due


def test_growing_past_the_limit_compresses_and_shrinking_far_below_is_noticed() -> None:
    index = LayeredIndex(DIM, exact_up_to=100)
    index.upsert(keys(101), voices(101))
    assert index.is_due
    rebuilt(index)
    assert index.base is not None
    index.remove(keys(60))
    assert index.is_small


def test_keys_are_those_of_all_layers() -> None:
    index = filled()
    index.remove(keys(MANY)[:10])
    index.upsert(keys(5, MANY), voices(5, 3))
    assert index.keys().tolist() == sorted([*keys(MANY)[10:].tolist(), *keys(5, MANY).tolist()])


@pytest.mark.parametrize("dim", [4, 30, 49])
def test_any_number_of_dimensions_can_be_compressed(dim: int) -> None:
    random = np.random.default_rng(0).standard_normal((300, dim)).astype(np.float32)
    vectors = random / np.linalg.norm(random, axis=1, keepdims=True)
    base = compressed.CompressedVectors.of(compressed.quantized(keys(300), vectors))
    found = base.search(vectors[7], 1, np.zeros(300, bool))[0]
    assert (base.dim, found.tolist()) == (dim, [int(keys(300)[7])])


def test_searches_go_on_while_the_index_is_changed_and_rebuilt() -> None:
    index, sought = filled(), voices(MANY)[1_000:1_040]
    ending = threading.Event()

    def change() -> None:
        for nth in range(40):
            index.upsert(keys(20, MANY + 20 * nth), voices(20, 100 + nth))
            index.remove(keys(5, 5 * nth))
            if nth % 10 == 0:
                rebuilt(index)
        ending.set()

    with ThreadPoolExecutor(2) as pool:
        changing = pool.submit(change)
        while not ending.is_set() and not changing.done():
            assert index.search(sought, 3).keys[:, 0].tolist() == keys(40, 1_000).tolist()
        changing.result()
    assert len(index) == MANY + 40 * 20 - 200
