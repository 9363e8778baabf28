"""Vectors as confusable as voices: around a few centers, not spread evenly."""

from __future__ import annotations

import numpy as np

from speakerid.index.base import Keys
from speakerid.types import FloatArray

DIM = 48
CENTERS = 40


def voices(count: int, seed: int = 0) -> FloatArray:
    """`(count, DIM)`, L2-normalized."""
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((CENTERS, DIM))
    return unit(centers[random.integers(CENTERS, size=count)] + 0.8 * random.standard_normal((count, DIM)))


def probes(vectors: FloatArray) -> FloatArray:
    return unit(vectors + 0.04 * np.random.default_rng(7).standard_normal(vectors.shape))


def keys(count: int, start: int = 0) -> Keys:
    """With gaps."""
    return np.arange(start, start + count, dtype=np.int64) * 3 + 1


def unit(vectors: np.ndarray) -> FloatArray:
    found: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found
