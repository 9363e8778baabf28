"""Which windows are one voice: agglomerative clustering on calibrated llrs, in bounded memory.

Average linkage stops where the mean llr between the members of any two clusters is below `stop_llr`.
The llrs come from the encoder's calibration, so the stop means the same for every encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

Labels = NDArray[np.intp]
Llrs = NDArray[np.float64]
Compare = Callable[[NDArray[np.intp], NDArray[np.intp]], Llrs]  # rows (p,) and (n,) of the windows -> (p, n) llrs


@dataclass(frozen=True)
class ClusterOptions:
    window_stop_llr: float = 0.0  # `python -m speakerid.evaluation.diarization --fit` tries others of both
    turn_stop_llr: float = 1.5
    block: int = 1_000  # windows or turns clustered at once, 8 MB a matrix; more are clustered block by block
    examples: int = 12  # of them that stand for a cluster of a block
    fewest: int = 3  # windows; a smaller cluster is more often a laugh or two voices at once than a person


def cluster(
    count: int, compare: Compare, stop_llr: float, options: ClusterOptions, speakers: int | None = None
) -> Labels:
    """A cluster number for each of `count` windows or turns. `speakers`: never more clusters than this."""
    if count <= options.block:
        return _agglomerated(_symmetric(compare, np.arange(count)), stop_llr, speakers)
    blocks = [
        _agglomerated(_symmetric(compare, rows), stop_llr, None)
        for rows in np.array_split(np.arange(count), -(-count // options.block))
    ]
    small = _numbered_on(blocks)
    return _agglomerated(_between(small, compare, options.examples), stop_llr, speakers)[small]


def without_small(labels: Labels, fewest: int) -> NDArray[np.intp]:
    """The cluster numbers that `fewest` windows or more have; the largest one where none has."""
    sizes = np.bincount(labels)
    large: NDArray[np.intp] = np.flatnonzero(sizes >= fewest)
    return large if len(large) else np.array([int(sizes.argmax())])


def _agglomerated(llrs: Llrs, stop_llr: float, speakers: int | None) -> Labels:
    """`llrs (n, n)`, symmetric."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(llrs) < 2:
        return np.zeros(len(llrs), np.intp)
    top = max(float(llrs.max()), stop_llr)
    distances = top - llrs
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances, checks=False), "average")
    found = fcluster(tree, top - stop_llr, "distance")
    if speakers is not None and found.max() > speakers:
        found = fcluster(tree, speakers, "maxclust")
    return np.asarray(found, np.intp) - 1


def _symmetric(compare: Compare, rows: NDArray[np.intp]) -> Llrs:
    llrs = compare(rows, rows)
    both: Llrs = (llrs + llrs.T) / 2.0
    return both


def _numbered_on(blocks: list[Labels]) -> Labels:
    first, found = 0, []
    for labels in blocks:
        found.append(labels + first)
        first += int(labels.max()) + 1
    return np.concatenate(found)


def _between(labels: Labels, compare: Compare, examples: int) -> Llrs:
    """Mean llrs `(k, k)` between evenly drawn windows of k clusters; one row of them is in memory at a time."""
    members = [_evenly(np.flatnonzero(labels == number), examples) for number in range(int(labels.max()) + 1)]
    everyone = np.concatenate(members)
    starts = np.cumsum([0, *(len(rows) for rows in members[:-1])])
    sizes = np.array([len(rows) for rows in members])
    rows = [np.add.reduceat(compare(one, everyone).mean(axis=0), starts) / sizes for one in members]
    means = np.stack(rows)
    both: Llrs = (means + means.T) / 2.0
    return both


def _evenly(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    picked: NDArray[np.intp] = rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))]
    return picked


def means(embeddings: FloatArray, labels: Labels, chosen: NDArray[np.intp]) -> FloatArray:
    """`(k, dim)`, L2-normalized: the voice of each of the `chosen` clusters. Longer rows count for more."""
    sums = np.stack([embeddings[labels == number].sum(axis=0, dtype=np.float64) for number in chosen])
    voices: FloatArray = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return voices
