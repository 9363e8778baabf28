"""Which segments are one person: agglomerative clustering on calibrated llrs, in bounded memory.

Average linkage stops where two clusters are no longer likelier one person than two. The llr of two segments is that of
their embeddings, by the encoder's calibration, and where they are near in time what segmentation finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray, SpeakerCount

Labels = NDArray[np.intp]
Floats = NDArray[np.float64]
SEGMENTATION_WEIGHT = 0.5  # weight of segmentation where nothing else was sure enough to count

Calibrated = Callable[[Floats], Floats]  # cosines of one recording to llrs


@dataclass(frozen=True)
class ClusterOptions:
    """Options of the clustering; `python -m benchmarks.recordings.diarization --fit` tries others."""

    stop_llr: float = 0.0
    same_llr: float = 1.6  # for two segments that segmentation gives to one speaker
    other_llr: float = 16.0  # against two that it gives to two
    near_s: float = 6.0  # its numbers mean less with every second between both, and nothing from here on
    alone_s: float = 0.5  # of a segment that counts; shorter ones go where they fit best
    speech_s: float = 2.0  # of a cluster; a smaller one is more often a laugh than a person
    outlier_llr: float = -7.0  # what fits every cluster less is one more cluster
    short_llr: float = -4.0  # of a short segment with its cluster; what fits it less is no turn
    block: int = 1_500  # segments clustered at once, 18 MB a matrix; more are clustered block by block


@dataclass(frozen=True)
class Evidence:
    """What is known of n segments, by start. Zeros as embedding: none could be made."""

    embeddings: FloatArray  # (n, dim)
    alone_s: Floats  # behind each embedding
    starts_s: Floats
    ends_s: Floats
    speakers: NDArray[np.intp] | None  # numbers that mean something nearby; None where all speech is one speaker's

    def __len__(self) -> int:
        return len(self.embeddings)

    def links(self, rows: NDArray[np.intp], columns: NDArray[np.intp], options: ClusterOptions) -> Floats:
        """`(p, q)` llrs from segmentation."""
        if self.speakers is None:
            return np.zeros((len(rows), len(columns)))
        same = self.speakers[rows][:, None] == self.speakers[columns]
        near = np.clip(1.0 - self.gaps_s(rows, columns) / options.near_s, 0.0, 1.0)
        links: Floats = np.where(same, options.same_llr, -options.other_llr) * near
        return links

    def gaps_s(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        starts = np.maximum(self.starts_s[rows][:, None], self.starts_s[columns])
        ends = np.minimum(self.ends_s[rows][:, None], self.ends_s[columns])
        gaps: Floats = np.maximum(starts - ends, 0.0)
        return gaps


@dataclass(frozen=True)
class Clusters:
    """A cluster number for each segment, and which of them it was made of; the others only fit it best."""

    labels: Labels
    sure: NDArray[np.bool_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Of each segment, whether its cluster was made of anything sure."""
        found: NDArray[np.bool_] = np.isin(self.labels, self.labels[self.sure])
        return found

    @property
    def number(self) -> int:
        return len(np.unique(self.labels))

    def supported(self, evidence: Evidence, calibrated: Calibrated, options: ClusterOptions) -> NDArray[np.bool_]:
        """Of each segment, whether it may be a turn: not where it is too short to count and its embedding, or the
        lack of one, speaks against its cluster.
        """
        fits = calibrated((evidence.embeddings * self.centers(evidence)[self.labels]).sum(axis=1).astype(np.float64))
        short = self.known & ~self.sure & (evidence.alone_s < options.alone_s)
        found: NDArray[np.bool_] = ~short | (fits >= options.short_llr)
        return found

    def centers(self, evidence: Evidence) -> FloatArray:
        """`(k, dim)`, L2-normalized means of what is sure, longer segments counting for more; of all of a cluster that
        has nothing sure. Zeros for one without any embedding or time alone.
        """
        counted = np.where(self.sure | ~self.known, self.labels, -1)
        return _centers(evidence, counted, int(self.labels.max(initial=-1)) + 1)


def cluster(evidence: Evidence, calibrated: Calibrated, options: ClusterOptions, count: SpeakerCount) -> Clusters:
    """Cluster into as many speakers as there seem to be; `count` only matters where it does not allow that number."""
    found = _clustered(evidence, calibrated, options, SpeakerCount())
    return found if count.allows(found.number) else _clustered(evidence, calibrated, options, count)


def _clustered(evidence: Evidence, calibrated: Calibrated, options: ClusterOptions, count: SpeakerCount) -> Clusters:
    rows = np.flatnonzero(_embedded(evidence) & (evidence.alone_s >= options.alone_s))
    if not len(rows):
        rows = np.flatnonzero(_embedded(evidence))
    if not len(rows):
        return Clusters(np.zeros(len(evidence), np.intp), np.zeros(len(evidence), np.bool_))
    found = _agglomerated(evidence, rows, calibrated, options, count)
    labels = np.full(len(evidence), -1, np.intp)
    labels[rows] = _kept(found, evidence.alone_s[rows], options.speech_s, count)
    sure = labels >= 0
    return Clusters(_completed(evidence, labels, calibrated, options, count.most), sure)


def _embedded(evidence: Evidence) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.any(evidence.embeddings != 0.0, axis=1)
    return found


def _agglomerated(
    evidence: Evidence, rows: NDArray[np.intp], calibrated: Calibrated, options: ClusterOptions, count: SpeakerCount
) -> Labels:
    """Agglomerative clusters.

    Above one block, every block by itself and then the blocks' clusters, by their members' mean cosines.
    """
    if len(rows) <= options.block:
        return _cut(_llrs(evidence, rows, calibrated, options), evidence.alone_s[rows], options, count)
    blocks = np.array_split(rows, -(-len(rows) // options.block))
    found = [
        _cut(_llrs(evidence, block, calibrated, options), evidence.alone_s[block], options, SpeakerCount())
        for block in blocks
    ]
    firsts = np.cumsum([0, *(int(labels.max()) + 1 for labels in found)])
    small = np.concatenate([labels + first for labels, first in zip(found, firsts[:-1], strict=True)])
    means = np.stack([evidence.embeddings[rows[small == number]].mean(axis=0) for number in range(int(firsts[-1]))])
    seconds = np.bincount(small, evidence.alone_s[rows]).astype(np.float64)
    joined: Labels = _cut(calibrated((means @ means.T).astype(np.float64)), seconds, options, count)[small]
    return joined


def _llrs(evidence: Evidence, rows: NDArray[np.intp], calibrated: Calibrated, options: ClusterOptions) -> Floats:
    embeddings = evidence.embeddings[rows]
    return calibrated((embeddings @ embeddings.T).astype(np.float64)) + evidence.links(rows, rows, options)


def _cut(llrs: Floats, seconds: Floats, options: ClusterOptions, count: SpeakerCount) -> Labels:
    """Clusters from `llrs (n, n)`, symmetric -> a number of each, as many large clusters as `count` allows."""
    from fastcluster import linkage  # it loads SciPy where that is installed: 0.2 s, which few requests need

    if len(llrs) < 2:
        return np.zeros(len(llrs), np.intp)
    top = max(float(llrs.max()), options.stop_llr)
    distances = top - llrs
    np.fill_diagonal(distances, 0.0)
    tree = linkage(distances[np.triu_indices(len(llrs), 1)], "average")

    def into(number: int) -> Labels:
        merges = len(llrs) - number
        return _below(tree, tree[merges - 1, 2] if merges > 0 else -np.inf)

    def large(labels: Labels) -> int:
        return int((np.bincount(labels, seconds) >= options.speech_s).sum())

    found = _below(tree, top - options.stop_llr)
    numbers = range(int(found.max()), 0, -1)
    if count.most is not None and large(found) > count.most:
        return next((one for one in map(into, numbers) if large(one) <= count.most), into(1))
    return into(count.least) if int(found.max()) + 1 < count.least else found


def _below(tree: Floats, distance: float) -> Labels:
    """Clusters by the merges up to `distance`: `tree (n - 1, 4)`, rising, as `linkage` gives it -> a number of each."""
    count = len(tree) + 1
    clusters = np.arange(count + len(tree))
    for merge in range(len(tree) - 1, -1, -1):  # the whole before its parts
        if tree[merge, 2] <= distance:
            clusters[tree[merge, :2].astype(np.intp)] = clusters[count + merge]
    return np.unique(clusters[:count], return_inverse=True)[1]


def _kept(labels: Labels, seconds: Floats, speech_s: float, count: SpeakerCount) -> Labels:
    """Labels numbered anew: the clusters of `speech_s` and more, or the `least` largest; -1 for all others."""
    sizes = np.bincount(labels, seconds)
    order = np.argsort(-sizes, kind="stable")
    keep = max(int((sizes >= speech_s).sum()), min(count.least, len(sizes)), 1)
    numbers = np.full(len(sizes), -1, np.intp)
    numbers[order[:keep]] = np.arange(keep)
    kept: Labels = numbers[labels]
    return kept


def _completed(
    evidence: Evidence, labels: Labels, calibrated: Calibrated, options: ClusterOptions, most: int | None
) -> Labels:
    """The others by their embeddings and by segmentation; those without either go to the nearest in time.

    What fits no cluster, most often speech over known speakers, is one more: where segmentation
    separates speakers, and unless that many are not wanted.
    """
    found = labels.copy()
    members, others = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    count = int(labels.max()) + 1
    centers = _centers(evidence, labels, count)
    full = evidence.speakers is None or (most is not None and count >= most)
    for row, near in _near(evidence, others, members, options.near_s):
        scores = np.zeros(count)
        if evidence.embeddings[row].any():
            scores += calibrated((evidence.embeddings[row] @ centers.T).astype(np.float64))
        links = evidence.links(np.array([row]), near, options)[0]
        closest = 1.0 - np.minimum(evidence.gaps_s(np.array([row]), near)[0] / options.near_s, 1.0)
        for number in np.unique(labels[near]):
            own = labels[near] == number
            scores[number] += SEGMENTATION_WEIGHT * links[own].mean() + 1e-3 * closest[own].max()
        found[row] = scores.argmax() if full or scores.max() >= options.outlier_llr else count
    return found


def _near(
    evidence: Evidence, rows: NDArray[np.intp], members: NDArray[np.intp], near_s: float
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each row with the members that may be near it, at least the one before it and the one after it."""
    starts, longest = evidence.starts_s[members], float((evidence.ends_s - evidence.starts_s).max())
    for row in rows:
        at = int(np.searchsorted(starts, evidence.starts_s[row]))
        first = int(np.searchsorted(starts, evidence.starts_s[row] - near_s - longest))
        end = int(np.searchsorted(starts, evidence.ends_s[row] + near_s))
        yield int(row), members[max(min(first, at - 1), 0) : max(end, at + 1)]


def _centers(evidence: Evidence, labels: Labels, count: int) -> FloatArray:
    weighted = evidence.embeddings * evidence.alone_s[:, None].astype(np.float32)
    sums = np.zeros((count, weighted.shape[1]), np.float32)
    for number in range(count):
        sums[number] = weighted[labels == number].sum(axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centers: FloatArray = (sums / np.where(lengths == 0.0, 1.0, lengths)).astype(np.float32)
    return centers
