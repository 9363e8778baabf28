"""Exact search in numpy: the oracle for every other index, and good enough for a small gallery."""

from __future__ import annotations

import threading
from collections.abc import Iterable

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
from speakerid.types import FloatArray


class ExactIndex:
    """Rows sorted by key, so a stable sort by score orders ties by key."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._keys: Keys = np.empty(0, np.int64)
        self._vectors: FloatArray = np.empty((0, dim), np.float32)
        self._lock = threading.Lock()

    @property
    def dim(self) -> int:
        return self._dim

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Keys:
        return self._keys.copy()

    def load(self, parts: Iterable[tuple[Keys, FloatArray]]) -> None:
        for keys, vectors in parts:
            self.upsert(keys, vectors)

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        check_vectors(vectors, self._dim)
        check_keys(keys, len(vectors))
        last = last_of_each(keys)
        with self._lock:
            kept = ~np.isin(self._keys, keys)
            merged = np.concatenate([self._keys[kept], keys[last]])
            order = np.argsort(merged)
            self._keys = merged[order]
            self._vectors = np.concatenate([self._vectors[kept], vectors[last]])[order]

    def remove(self, keys: Keys) -> None:
        check_keys(keys)
        with self._lock:
            kept = ~np.isin(self._keys, keys)
            self._keys, self._vectors = self._keys[kept], self._vectors[kept]

    def vectors(self, keys: Keys) -> tuple[Keys, FloatArray]:
        check_keys(keys)
        with self._lock:
            places = {key: place for place, key in enumerate(self._keys.tolist())}
            found = [key for key in keys.tolist() if key in places]
            return np.array(found, np.int64), self._vectors[[places[key] for key in found]]

    def search(self, queries: FloatArray, k: int) -> SearchResult:
        check_vectors(queries, self._dim)
        check_k(k)
        with self._lock:
            keys, vectors = self._keys, self._vectors  # replaced as a whole, never changed in place
        if not len(keys):
            return empty_result(len(queries))
        # Not `queries @ vectors.T`: BLAS rounds equal rows differently at block edges, which would break ties.
        scores = np.einsum("qd,nd->qn", queries, vectors)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return SearchResult(keys[best], np.take_along_axis(scores, best, axis=1))
