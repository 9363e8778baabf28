"""Exact search in FAISS: IDMap2 over a flat inner-product index.

Measured with 1 million vectors of 192 dimensions on one thread: 21.7 ms a query. IDMap2 over Flat is the one
combination whose `remove_ids` keeps keys and vectors together; over IVF it mislabels every result.
"""

from __future__ import annotations

import threading
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
from speakerid.types import FloatArray

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
