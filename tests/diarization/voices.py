"""Made voices: unit vectors around a few directions, and llrs that follow from their cosines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.clustering import Compare
from speakerid.types import FloatArray


def windows_of(truth: list[int], spread: float = 0.4, dim: int = 64, seed: int = 0) -> FloatArray:
    """A row for each window of the voices `truth`."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((dim, dim)))[0]
    noise = random.standard_normal((len(truth), dim)) / np.sqrt(dim)
    rows = voices[truth] + spread * noise
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def comparing(rows: FloatArray) -> Compare:
    """llr 4 for equal vectors, -4 for orthogonal ones."""

    def compare(some: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
        return (8.0 * (rows[some] @ rows[others].T) - 4.0).astype(np.float64)

    return compare
