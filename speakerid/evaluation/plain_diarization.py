"""What speakerid is compared with: the same encoder on a fixed grid, agglomerative clustering on plain cosine.

It is told what nobody knows in practice: the threshold that is best for these very recordings, or how many speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import Vad
from speakerid.encoders.base import Encoder
from speakerid.evaluation.spoken import Errors, Said, in_seconds
from speakerid.types import FloatArray, Span

LENGTH = 3 * SAMPLE_RATE_HZ // 2
HOP = LENGTH // 2
THRESHOLDS = tuple(round(0.1 + 0.05 * step, 2) for step in range(13))  # cosine distances

Measure = Callable[[Sequence[Said]], Errors]


@dataclass(frozen=True)
class Grid:
    """One recording's windows of 1.5 s every 0.75 s that lie in speech, and how much of it belongs to each."""

    cells: tuple[Span, ...]
    owners: tuple[int, ...]  # row of `embeddings` of each cell
    embeddings: FloatArray

    def answer(self, labels: NDArray[np.integer]) -> list[Said]:
        return in_seconds((cell, str(labels[owner])) for cell, owner in zip(self.cells, self.owners, strict=True))


def grid(encoder: Encoder, vad: Vad, samples: FloatArray) -> Grid:
    cells, starts = [], []
    for start, end in vad.speech_segments(samples):
        at = start
        while at < end:
            nth = at // HOP
            stop = min(end, (nth + 1) * HOP)
            cells.append((at, stop))
            starts.append(min(max(nth * HOP - (LENGTH - HOP) // 2, 0), max(len(samples) - LENGTH, 0)))
            at = stop
    unique = sorted(set(starts))
    owners = tuple(unique.index(one) for one in starts)
    windows = [samples[one : one + LENGTH] for one in unique]
    embeddings = encoder.embed(windows) if windows else np.zeros((0, encoder.dim), np.float32)
    return Grid(tuple(cells), owners, embeddings)


def with_best_threshold(grids: Sequence[Grid], measures: Sequence[Measure]) -> tuple[Errors, float]:
    """The lowest summed errors that one threshold for all recordings reaches, and that threshold."""
    tried = [(_sum([_at(one, limit) for one in grids], grids, measures), limit) for limit in THRESHOLDS]
    return min(tried, key=lambda one: one[0].rate)


def with_known_number(grids: Sequence[Grid], measures: Sequence[Measure], speakers: Sequence[int]) -> Errors:
    return _sum([_into(one, count) for one, count in zip(grids, speakers, strict=True)], grids, measures)


def _sum(labels: Sequence[NDArray[np.integer]], grids: Sequence[Grid], measures: Sequence[Measure]) -> Errors:
    found = [measure(one.answer(given)) for one, given, measure in zip(grids, labels, measures, strict=True)]
    return sum(found[1:], found[0])


def _at(grid: Grid, limit: float) -> NDArray[np.integer]:
    return _clustered(grid.embeddings, distance_threshold=limit, n_clusters=None)


def _into(grid: Grid, count: int) -> NDArray[np.integer]:
    return _clustered(grid.embeddings, n_clusters=min(count, max(len(grid.embeddings), 1)))


def _clustered(embeddings: FloatArray, **options: float | None) -> NDArray[np.integer]:
    from sklearn.cluster import AgglomerativeClustering

    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.intp)
    made = AgglomerativeClustering(metric="cosine", linkage="average", **options)
    labels: NDArray[np.integer] = made.fit_predict(embeddings)
    return labels
