"""Many vectors in little memory, never changed once they are made.

A search looks through codes of 4 bits for each four numbers (FAISS's IndexPQFastScan, 56 bytes for 448 numbers), and
compares the best SHORTLIST of them by rows with a byte a number (docs/decisions/0044). Whoever decides on scores
compares the few that are found by the vectors themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from speakerid.index.base import Keys
from speakerid.types import FloatArray

Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
SHORTLIST = 3_000  # of the first pass; with 1,000 the hardest probes lose the best one once in 100 to 300
SUBVECTOR = 4  # numbers a code of 4 bits stands for
BLOCK = 32  # vectors whose codes lie interleaved
TRAINED_ON = 50_000
LEAST = 16  # vectors: as many as a code has values
AT_ONCE = 20_000  # vectors as float32 in memory
LEVELS = 127.0
GROWN_FROM = 2**17
SCANNED = 0.25  # where more than this share of all is asked for, the first pass would save nothing


@dataclass(frozen=True)
class QuantizedVectors:
    """`keys (n,)`, rising, and `rows (n, dim)` of int8, which `scales (n,)` make the vectors of; 0 for a blank one."""

    keys: Keys
    rows: NDArray[np.int8]
    scales: FloatArray

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, positions: Positions | slice) -> FloatArray:
        vectors: FloatArray = self.rows[positions].astype(np.float32)
        vectors *= self.scales[positions, None]
        return vectors

    def scores(self, query: FloatArray, positions: Positions) -> FloatArray:
        scores = np.empty(len(positions), np.float32)
        for start in range(0, len(positions), AT_ONCE):
            some = positions[start : start + AT_ONCE]
            scores[start : start + len(some)] = self.rows[some].astype(np.float32) @ query
        return scores * self.scales[positions]


def quantized(keys: Keys, vectors: FloatArray) -> QuantizedVectors:
    scales = np.abs(vectors).max(axis=1) / np.float32(LEVELS)
    return QuantizedVectors(keys, np.rint(vectors / scales[:, None]).astype(np.int8), scales)


def joined(parts: Iterable[QuantizedVectors]) -> QuantizedVectors:
    """In order of key; no key twice. In arrays that grow by doubling: so large that what is freed is given back."""
    count, keys, rows, scales = 0, *_arrays(0, 0)
    for part in parts:
        if count + len(part) > len(keys):
            old = keys[:count], rows[:count], scales[:count]
            keys, rows, scales = _arrays(max(GROWN_FROM, 2 * len(keys), len(part)), part.rows.shape[1])
            if count:
                keys[:count], rows[:count], scales[:count] = old
        end = count + len(part)
        keys[count:end], rows[count:end], scales[count:end] = part.keys, part.rows, part.scales
        count = end
    found = QuantizedVectors(keys[:count], rows[:count], scales[:count])
    if (np.diff(found.keys) > 0).all():
        return found
    order = np.argsort(found.keys)
    return QuantizedVectors(found.keys[order], found.rows[order], found.scales[order])


def _arrays(count: int, dim: int) -> tuple[Keys, NDArray[np.int8], FloatArray]:
    return np.empty(count, np.int64), np.empty((count, dim), np.int8), np.empty(count, np.float32)


class CompressedVectors:
    def __init__(self, stored: QuantizedVectors, codes: NDArray[np.uint8], centroids: FloatArray) -> None:
        """`codes` and `centroids` as those properties of another have them."""
        self.stored = stored
        self._index = _empty_index(stored.rows.shape[1])
        faiss.copy_array_to_vector(np.ascontiguousarray(centroids).ravel(), self._index.pq.centroids)
        faiss.copy_array_to_AlignedTable(np.ascontiguousarray(codes), self._index.codes)
        self._index.ntotal, self._index.is_trained = len(stored), True
        self._index.ntotal2 = _whole_blocks(len(stored))

    @classmethod
    def of(cls, stored: QuantizedVectors) -> CompressedVectors:
        """Make the codes: six seconds for a million."""
        faiss.omp_set_num_threads(1)
        count = len(stored)
        index = _empty_index(stored.rows.shape[1])
        drawn = np.random.default_rng(0).choice(count, min(count, TRAINED_ON), replace=False)
        index.train(_padded(stored.at(np.sort(drawn)), index.d))
        for start in range(0, count, AT_ONCE):
            index.add(_padded(stored.at(slice(start, start + AT_ONCE)), index.d))
        made = cls.__new__(cls)
        made.stored, made._index = stored, index
        return made

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def dim(self) -> int:
        dim: int = self.stored.rows.shape[1]
        return dim

    @property
    def codes(self) -> NDArray[np.uint8]:
        codes: NDArray[np.uint8] = faiss.AlignedTable_to_array(self._index.codes)
        return codes

    @property
    def centroids(self) -> FloatArray:
        centroids: FloatArray = faiss.vector_to_array(self._index.pq.centroids)
        return centroids

    def positions(self, keys: Keys) -> Positions:
        return positions_of(keys, self.stored.keys)

    def search(self, query: FloatArray, k: int, dead: Mask) -> tuple[Keys, FloatArray]:
        """The `k` best for `query (dim,)` that are not `dead (n,)`, in no order, with their scores."""
        positions = self._shortlist(query, k, dead)
        scores = self.stored.scores(query, positions)
        if len(positions) > k:
            best = np.argpartition(-scores, k - 1)[:k]
            positions, scores = positions[best], scores[best]
        return self.stored.keys[positions], scores

    def _shortlist(self, query: FloatArray, k: int, dead: Mask) -> Positions:
        fetch = max(SHORTLIST, 4 * k)
        while fetch < SCANNED * len(self):
            found = self._index.search(_padded(query[None], self._index.d), fetch)[1][0]
            alive: Positions = found[(found >= 0)]
            alive = alive[~dead[alive]]
            if len(alive) >= max(k, fetch // 2):
                return np.sort(alive)
            fetch *= 2
        return np.flatnonzero(~dead)


def positions_of(keys: Keys, stored: Keys) -> Positions:
    """Where those of `keys` that are among the `stored` ones are, which rise."""
    at = np.minimum(np.searchsorted(stored, keys), len(stored) - 1).astype(np.int64)
    found: Positions = at[stored[at] == keys]
    return found


def blank_code(block: NDArray[np.uint8], dim: int, nth: int) -> None:
    """Zero the code of the `nth` vector of a block of codes, `(block_bytes(dim),)`."""
    index = _empty_index(dim)
    index.get_CodePacker().pack_1(np.zeros(index.code_size, np.uint8), nth, block=block[None])


def block_bytes(dim: int) -> int:
    size: int = _empty_index(dim).get_CodePacker().block_size
    return size


def _whole_blocks(count: int) -> int:
    return -(-count // BLOCK) * BLOCK


def _empty_index(dim: int) -> Any:
    codes = -(-dim // SUBVECTOR)
    index = faiss.IndexPQFastScan(codes * SUBVECTOR, codes, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1
    return index


def _padded(vectors: FloatArray, dim: int) -> FloatArray:
    return np.pad(vectors, ((0, 0), (0, dim - vectors.shape[1])))
