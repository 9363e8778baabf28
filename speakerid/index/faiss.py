"""A gallery's vectors in FAISS: exact while they are few, compressed beyond, with what changed since beside it.

Exact is IDMap2 over a flat inner-product index: the one combination whose `remove_ids` keeps keys and vectors together;
over IVF it mislabels every result. Measured with 1 million vectors of 192 dimensions on one thread: 21.7 ms a query.

Beyond `exact_up_to` vectors most are in CompressedVectors, which never change: those that were replaced or removed
since are marked dead, and new ones are in an exact index beside it. `LayeredIndex.rebuild` makes one of both; that is
for a thread of its own, for which no search waits. Of a search beside a change, each vector is the old or the new one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import faiss
import numpy as np

from speakerid.index.base import (
    Keys,
    SearchResult,
    check_k,
    check_keys,
    check_vectors,
    empty_result,
    last_of_each,
)
from speakerid.index.compressed import LEAST, CompressedVectors, Mask, QuantizedVectors, joined, quantized
from speakerid.types import FloatArray

EXACT_UP_TO = 100_000  # a search takes 8 ms on one thread
BESIDE = 0.01  # of the compressed ones may be beside them: a search takes a tenth longer
DEAD = 0.1  # of the compressed ones may be dead
EXTRA = 8  # candidates fetched beyond k, to see whether a tie reaches over the edge


class FaissFlatIndex:
    """Removing moves every later vector (56 ms at 1 million), so pass keys together, not one by one."""

    def __init__(self, dim: int) -> None:
        faiss.omp_set_num_threads(1)  # one query is one thread's work; OpenMP collapses when cores are contended
        self._dim = dim
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        self._stored: set[int] = set()
        self._lock = threading.Lock()

    @property
    def dim(self) -> int:
        return self._dim

    def __len__(self) -> int:
        return len(self._stored)

    def keys(self) -> Keys:
        """Of all vectors, rising."""
        with self._lock:
            return np.array(sorted(self._stored), np.int64)

    def contents(self) -> tuple[Keys, FloatArray]:
        """Copies of keys `(n,)`, rising, and vectors `(n, dim)`."""
        with self._lock:
            keys: Keys = faiss.vector_to_array(self._index.id_map)
            order = np.argsort(keys)
            return keys[order], self._index.index.reconstruct_n(0, len(keys))[order]

    def load(self, parts: Iterable[tuple[Keys, FloatArray]]) -> None:
        for keys, vectors in parts:
            self.upsert(keys, vectors)

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        check_vectors(vectors, self._dim)
        check_keys(keys, len(vectors))
        last = last_of_each(keys)
        with self._lock:
            self._forget(keys)
            self._index.add_with_ids(np.ascontiguousarray(vectors[last]), keys[last])
            self._stored.update(keys.tolist())

    def remove(self, keys: Keys) -> None:
        check_keys(keys)
        with self._lock:
            self._forget(keys)

    def vectors(self, keys: Keys) -> tuple[Keys, FloatArray]:
        check_keys(keys)
        with self._lock:
            found = np.array([key for key in keys.tolist() if key in self._stored], np.int64)
            return found, self._index.reconstruct_batch(found) if len(found) else np.empty((0, self._dim), np.float32)

    def search(self, queries: FloatArray, k: int) -> SearchResult:
        check_vectors(queries, self._dim)
        check_k(k)
        with self._lock:
            if not self._stored:
                return empty_result(len(queries))
            return self._search(np.ascontiguousarray(queries), min(k, len(self._stored)))

    def _forget(self, keys: Keys) -> None:
        present = sorted(self._stored.intersection(keys.tolist()))
        if present:
            self._index.remove_ids(faiss.IDSelectorBatch(np.array(present, np.int64)))
            self._stored.difference_update(present)

    def _search(self, queries: FloatArray, k: int) -> SearchResult:
        """Fetch beyond `k` for as long as equal scores go on: FAISS breaks ties its own way."""
        total, fetch = len(self._stored), k + EXTRA
        scores, keys = self._index.search(queries, min(fetch, total))
        while fetch < total and (scores[:, k - 1] == scores[:, -1]).any():
            fetch *= 2
            scores, keys = self._index.search(queries, min(fetch, total))
        order = np.lexsort((keys, -scores), axis=1)[:, :k]
        return SearchResult(np.take_along_axis(keys, order, axis=1), np.take_along_axis(scores, order, axis=1))


@dataclass(frozen=True)
class _Layers:
    base: CompressedVectors | None
    dead: Mask  # (n,) of the base; marked in place
    exact: FaissFlatIndex


@dataclass(frozen=True)
class FrozenLayers:
    """All vectors of one moment."""

    base: CompressedVectors | None
    dead: Mask
    keys: Keys
    vectors: FloatArray


class LayeredIndex:
    def __init__(self, dim: int, base: CompressedVectors | None = None, *, exact_up_to: int = EXACT_UP_TO) -> None:
        self._dim = dim
        self._exact_up_to = max(exact_up_to, 2 * LEAST)
        self._layers = _Layers(base, np.zeros(0 if base is None else len(base), bool), FaissFlatIndex(dim))
        self._dead = 0
        self._lock = threading.Lock()  # of whoever changes something
        self._changed: set[int] | None = None  # since the layers were frozen
        self.is_new = False  # whether the base was made by `load`

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def base(self) -> CompressedVectors | None:
        return self._layers.base

    def __len__(self) -> int:
        with self._lock:
            return len(self._layers.dead) - self._dead + len(self._layers.exact)

    @property
    def is_due(self) -> bool:
        """Whether a rebuild would make searches faster, or is needed for memory."""
        base, beside = self._layers.base, len(self._layers.exact)
        if base is None:
            return beside > self._exact_up_to
        if self.is_small:
            return False
        return beside > max(BESIDE * len(base), self._exact_up_to / 10) or self._dead > DEAD * len(base)

    @property
    def is_small(self) -> bool:
        """Whether it is compressed and need not be."""
        return self._layers.base is not None and len(self) < self._exact_up_to / 2

    def keys(self) -> Keys:
        """Of all vectors, rising."""
        with self._lock:
            exact = self._layers.exact.keys()
            base = self._layers.base
            kept = np.empty(0, np.int64) if base is None else base.stored.keys[~self._layers.dead]
        return np.sort(np.concatenate([kept, exact]), kind="stable")  # fast where most of them rise

    def load(self, parts: Iterable[tuple[Keys, FloatArray]]) -> None:
        """Fill the empty index, which is not in use yet: many vectors at no more memory than they need."""
        exact, left, base = FaissFlatIndex(self._dim), iter(parts), None
        for keys, vectors in left:
            exact.upsert(keys, vectors)
            if len(exact) > self._exact_up_to:
                rest = (quantized(keys, self._checked(keys, vectors)) for keys, vectors in left)
                base = CompressedVectors.of(joined(chain([quantized(*exact.contents())], rest)))
                exact = FaissFlatIndex(self._dim)
        self.is_new = base is not None
        self._layers = _Layers(base, np.zeros(0 if base is None else len(base), bool), exact)

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        self._checked(keys, vectors)
        with self._lock:
            new = ~self._is_stored(keys, vectors)
            self._layers.exact.upsert(keys[new], vectors[new])  # first: a search beside it looks here last
            self._bury(keys[new])

    def remove(self, keys: Keys) -> None:
        check_keys(keys)
        with self._lock:
            self._bury(keys)
            self._layers.exact.remove(keys)

    def vectors(self, keys: Keys) -> tuple[Keys, FloatArray] | None:
        layers = self._layers
        return layers.exact.vectors(keys) if layers.base is None else None

    def search(self, queries: FloatArray, k: int) -> SearchResult:
        """With scores to three digits for vectors that are compressed."""
        layers = self._layers
        if layers.base is None:
            return layers.exact.search(queries, k)
        check_vectors(queries, self._dim)
        check_k(k)
        found = [_both(layers, layers.base, query, k) for query in queries]
        if not found:
            return empty_result(0)
        count = min(len(keys) for keys, _ in found)  # another thread may remove one in between
        return SearchResult(np.stack([keys[:count] for keys, _ in found]), np.stack([one[:count] for _, one in found]))

    def freeze(self) -> FrozenLayers:
        """All vectors of this moment, for `rebuild`. Changes from now on are noted until then."""
        with self._lock:
            self._changed = set()
            layers = self._layers
            return FrozenLayers(layers.base, layers.dead.copy(), *layers.exact.contents())

    def rebuild(self, frozen: FrozenLayers) -> CompressedVectors:
        """Put what is frozen into one base, and search that from now on; what changed meanwhile stays beside it.

        Takes seconds for a million.
        """
        base = _compressed(frozen)
        with self._lock:
            changed = np.array(sorted(self._changed or ()), np.int64)
            exact, dead = FaissFlatIndex(self._dim), np.zeros(len(base), bool)
            keys, vectors = self._layers.exact.contents()
            later = np.isin(keys, changed)
            exact.upsert(keys[later], vectors[later])
            dead[base.positions(changed)] = True
            self._layers, self._dead, self._changed = _Layers(base, dead, exact), int(dead.sum()), None
            self.is_new = False
        return base

    def _checked(self, keys: Keys, vectors: FloatArray) -> FloatArray:
        check_vectors(vectors, self._dim)
        check_keys(keys, len(vectors))
        return vectors

    def _is_stored(self, keys: Keys, vectors: FloatArray) -> Mask:
        """Which are in the base as they are: the log is applied more than once."""
        stored = np.zeros(len(keys), bool)
        if self._layers.base is not None and len(keys) == len(np.unique(keys)):
            known = np.isin(keys, self._layers.base.stored.keys[self._layers.base.positions(keys)])
            at = self._layers.base.positions(keys[known])
            rows = quantized(keys[known], vectors[known]).rows
            stored[known] = (rows == self._layers.base.stored.rows[at]).all(axis=1) & ~self._layers.dead[at]
        return stored

    def _bury(self, keys: Keys) -> None:
        if self._changed is not None:
            self._changed.update(keys.tolist())
        if self._layers.base is not None:
            at = np.unique(self._layers.base.positions(keys))
            self._dead += int((~self._layers.dead[at]).sum())
            self._layers.dead[at] = True


def _compressed(frozen: FrozenLayers) -> CompressedVectors:
    """The base as it is where nothing changed."""
    if frozen.base is not None and not len(frozen.keys) and not frozen.dead.any():
        return frozen.base
    parts = [quantized(frozen.keys, frozen.vectors)] if len(frozen.keys) else []
    if frozen.base is not None:
        stored, alive = frozen.base.stored, ~frozen.dead
        parts.insert(0, QuantizedVectors(stored.keys[alive], stored.rows[alive], stored.scales[alive]))
    return CompressedVectors.of(joined(parts))


def _both(layers: _Layers, base: CompressedVectors, query: FloatArray, k: int) -> tuple[Keys, FloatArray]:
    """Best first, equal scores by key. The base is looked through first: what is replaced meanwhile is found twice."""
    keys, scores = base.search(query, k, layers.dead)
    beside = layers.exact.search(query[None], k)
    old = ~np.isin(keys, beside.keys[0])
    keys, scores = np.concatenate([keys[old], beside.keys[0]]), np.concatenate([scores[old], beside.scores[0]])
    order = np.lexsort((keys, -scores))[:k]
    return keys[order], scores[order]
