"""The VectorIndex protocol, and the checks both implementations share.

An index holds the vectors of one gallery and knows nothing of SQL. What it refuses are programming errors,
hence `ValueError`: FAISS itself accepts NaN silently and then answers nonsense.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

Keys = NDArray[np.int64]

NORM_TOLERANCE = (
    1e-3  # float32 rounding of a 192-dim unit vector stays below 1e-6; a mean that was not normalized shows
)


@dataclass(frozen=True)
class SearchResult:
    """Best first, equal scores by key. `k` is the smaller of what was asked and what is stored."""

    keys: Keys  # (queries, k)
    scores: FloatArray  # (queries, k), inner product = cosine, as all vectors are L2-normalized


class VectorIndex(Protocol):
    """Vectors by key, searched by cosine. Every method may be called from any thread."""

    @property
    def dim(self) -> int: ...

    def __len__(self) -> int: ...

    def keys(self) -> Keys:
        """Of all vectors, rising."""

    def load(self, parts: Iterable[tuple[Keys, FloatArray]]) -> None:
        """Fill the empty index, not in use yet, with `keys (n,)` and `vectors (n, dim)`; no key comes twice."""

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        """Store `vectors (n, dim)` under `keys (n,)`, replacing what they held. Of equal keys the last wins."""

    def remove(self, keys: Keys) -> None:
        """Forget `keys (n,)`; those not stored are ignored."""

    def vectors(self, keys: Keys) -> tuple[Keys, FloatArray] | None:
        """Those of `keys (n,)` that are stored, in their order, and their vectors `(m, dim)`; None if compressed."""

    def search(self, queries: FloatArray, k: int) -> SearchResult:
        """The `k` best for each row of `queries (q, dim)`."""


def check_vectors(vectors: FloatArray, dim: int) -> None:
    """Raise `ValueError` unless `vectors` is float32 `(n, dim)`, finite and L2-normalized."""
    if vectors.ndim != 2 or vectors.shape[1] != dim or vectors.dtype != np.float32:
        raise ValueError(f"expected float32 vectors of shape (n, {dim}), got {vectors.dtype} {vectors.shape}")
    norms = np.linalg.norm(vectors, axis=1)
    if not (np.abs(norms - 1.0) <= NORM_TOLERANCE).all():  # also false for NaN
        raise ValueError("vectors must be finite and L2-normalized")


def check_keys(keys: Keys, count: int | None = None) -> None:
    """Raise `ValueError` unless `keys` is int64 `(n,)`, of length `count` if given, and not negative.

    Negative keys are refused because FAISS answers -1 for "nothing".
    """
    if keys.ndim != 1 or keys.dtype != np.int64 or count not in (None, len(keys)):
        wanted = "n" if count is None else count
        raise ValueError(f"expected int64 keys of shape ({wanted},), got {keys.dtype} {keys.shape}")
    if (keys < 0).any():
        raise ValueError("keys must not be negative")


def check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")


def last_of_each(keys: Keys) -> NDArray[np.intp]:
    """Positions of the last occurrence of every key, in order of key."""
    _, positions = np.unique(keys[::-1], return_index=True)
    last: NDArray[np.intp] = len(keys) - 1 - positions
    return last


def empty_result(queries: int) -> SearchResult:
    return SearchResult(np.empty((queries, 0), np.int64), np.empty((queries, 0), np.float32))
