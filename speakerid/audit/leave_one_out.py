"""Leave-one-out voiceprints: every utterance against its speaker's other utterances, by matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import shares
from speakerid.types import Combining, FloatArray

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
Compare = Callable[[FloatArray, FloatArray], Reals]  # llrs (n, m) of n probes against m voiceprints

BLOCK_LLRS = 1_000_000  # of one matrix product: 8 MB, and as much again for the cosines
PAIRED_ROWS = 64  # of a block of row-by-row comparisons only the diagonal is used
NOTHING = 1e-9  # a sum of unit vectors that is shorter points nowhere


@dataclass(frozen=True)
class Labeled:
    """n utterances `(n, dim)` of length 1, and whose they are by their labels.

    `speakers (n,)` holds every number from 0 to the highest at least once.
    """

    embeddings: FloatArray
    speakers: Indices
    seconds: Reals  # (n,) of speech
    combining: Combining = "mean"  # how they become voiceprints

    def __len__(self) -> int:
        return len(self.speakers)

    @property
    def sizes(self) -> Indices:
        """`(speakers,)` how many utterances each has."""
        return np.bincount(self.speakers)

    def totals(self, values: Reals) -> Reals:
        """`(speakers,)` or `(speakers, d)`: the rows of `values (n,)` or `(n, d)` added up by speaker."""
        if not len(values):
            return values
        order = np.argsort(self.speakers, kind="stable")
        starts = np.searchsorted(self.speakers[order], np.arange(self.speakers.max() + 1))
        added: Reals = np.add.reduceat(values[order], starts, axis=0)
        return added

    def sums(self, weights: Reals) -> Reals:
        """`(speakers, dim)`: the embeddings of each speaker added up by `weights (n,)`."""
        return self.totals(self.embeddings * weights[:, None])

    def shared(self, weights: Reals) -> Reals:
        """`(n,)`: what each utterance counts in its voiceprint when it is trusted by `weights (n,)`."""
        return weights * shares(self.combining, self.seconds)

    def voiceprints(self, weights: Reals) -> FloatArray:
        """`(speakers, dim)`"""
        return unit(self.sums(self.shared(weights)))


def own_llrs(labeled: Labeled, weights: Reals, compare: Compare) -> Reals:
    """`(n,)`: each utterance against its speaker's voiceprint made without it; NaN where nothing is left of that."""
    counted = labeled.shared(weights)
    sums = labeled.sums(counted)[labeled.speakers] - labeled.embeddings * counted[:, None]
    left = np.linalg.norm(sums, axis=1) > NOTHING
    llrs = np.full(len(labeled), np.nan)
    llrs[left] = paired(labeled.embeddings[left], unit(sums[left]), compare)
    return llrs


def paired(probes: FloatArray, voiceprints: FloatArray, compare: Compare) -> Reals:
    """`(n,)`: probe i against voiceprint i."""
    llrs = np.empty(len(probes))
    for start in range(0, len(probes), PAIRED_ROWS):
        rows = slice(start, start + PAIRED_ROWS)
        llrs[rows] = np.diag(compare(probes[rows], voiceprints[rows]))
    return llrs


def blocks(probes: Indices, voiceprints: int) -> Iterator[Indices]:
    """The rows of `probes` to compare with all voiceprints at a time."""
    rows = max(1, BLOCK_LLRS // max(voiceprints, 1))
    return (probes[start : start + rows] for start in range(0, len(probes), rows))


def unit(rows: Reals) -> FloatArray:
    """Rows of `(n, dim)` scaled to length 1; a row that points nowhere stays what it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > NOTHING, norms, 1.0), np.float32)
