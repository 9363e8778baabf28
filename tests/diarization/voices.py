"""Made voices: unit vectors around a few directions, as evidence for clustering, and llrs that follow from cosines."""

from __future__ import annotations

import numpy as np

from speakerid.diarization.clustering import Evidence, Floats
from speakerid.types import FloatArray


def embeddings_of(truth: list[int], spread: float = 0.4, dim: int = 64, seed: int = 0) -> FloatArray:
    """A row for each segment of the people `truth`."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((dim, dim)))[0]
    noise = random.standard_normal((len(truth), dim)) / np.sqrt(dim)
    rows = voices[truth] + spread * noise
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def evidence_of(
    truth: list[int], *, seconds: float = 2.0, speakers: list[int] | None = None, pause: float = 1.0
) -> Evidence:
    """One segment after another, `seconds` long each."""
    starts = (np.arange(len(truth)) * (seconds + pause)).astype(np.float64)
    numbers = None if speakers is None else np.array(speakers, np.intp)
    return Evidence(embeddings_of(truth), np.full(len(truth), seconds, np.float64), starts, starts + seconds, numbers)


def calibrated(cosines: Floats) -> Floats:
    """llr 4 for equal vectors, -4 for orthogonal ones."""
    return 8.0 * cosines - 4.0
