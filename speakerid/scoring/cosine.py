"""Cosine scores, and voiceprints pooled from enrollment utterances (docs/decisions/0012): arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speakerid.types import Combining, FloatArray

LEAST_S = 0.1  # an utterance in which hardly any speech was found still counts a little


def cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    """`(n, m)` cosines between the rows of `a (n, d)` and `b (m, d)`. Raises `ValueError` on a zero row."""
    scores: FloatArray = np.clip(_unit(a) @ _unit(b).T, -1.0, 1.0).astype(np.float32)
    return scores


def voiceprint(embeddings: FloatArray, weights: Sequence[float] | NDArray[np.float64] | None = None) -> FloatArray:
    """`(d,)`: the rows of `embeddings (n, d)` L2-normalized, averaged by `weights (n,)`, L2-normalized.

    Weights are usually seconds of speech. Raises `ValueError` for no rows, a zero row, or rows that cancel.
    """
    if len(embeddings) == 0:
        raise ValueError("a voiceprint needs at least one embedding")
    mean = np.average(_unit(embeddings), axis=0, weights=weights)
    print_: FloatArray = _unit(mean[np.newaxis, :])[0].astype(np.float32)
    return print_


def voiceprints(embeddings: FloatArray, counts: Sequence[int], weights: NDArray[np.float64]) -> FloatArray:
    """`(speakers, d)`, as `voiceprint` makes each: of the first `counts[0]` rows of `embeddings (n, d)`, of the next
    `counts[1]`, and so on, by `weights (n,)`. Every count is 1 or more; raises what `voiceprint` does."""
    if not len(counts):
        return np.empty((0, embeddings.shape[1]), np.float32)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    weighted = _unit(embeddings) * weights[:, None]
    means = np.add.reduceat(weighted, firsts, axis=0) / np.add.reduceat(weights, firsts)[:, None]
    prints: FloatArray = _unit(means).astype(np.float32)
    return prints


def shares(combining: Combining, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each utterance counts in its voiceprint, by the gallery's policy.

    `(n,)` for utterances with `seconds (n,)` of speech: all the same for "mean", their seconds for "weighted".
    """
    found: NDArray[np.float64] = np.maximum(seconds, LEAST_S) if combining == "weighted" else np.ones(len(seconds))
    return found


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    if not (norms > 0).all():  # also false for NaN
        raise ValueError("an embedding is zero or not a number")
    unit: NDArray[np.float64] = wide / norms
    return unit
