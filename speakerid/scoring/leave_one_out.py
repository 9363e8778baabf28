"""Leave-one-out voiceprints: every utterance against its speaker's other utterances, by matrix products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
# llrs (n, m) of probes (n, dim) against voiceprints (m, dim); both have rows of length 1
Compare = Callable[[FloatArray, FloatArray], Reals]

ROWS = 512  # probes compared at a time: 512 against 10,000 voiceprints take 40 MB
PAIRED_ROWS = 64  # of a block of row-by-row comparisons only the diagonal is used
NOTHING = 1e-9  # a sum of unit vectors that is shorter points nowhere


@dataclass(frozen=True)
class Labeled:
    """Utterances `embeddings (n, dim)` of length 1, and whose they are said to be.

    `speakers (n,)` holds every number from 0 to the highest at least once.
    """

    embeddings: FloatArray
    speakers: Indices

    @property
    def sizes(self) -> Indices:
        """`(speakers,)` how many utterances each has."""
        return np.bincount(self.speakers)

    def totals(self, values: Reals) -> Reals:
        """`(speakers,)` or `(speakers, dim)`: the rows of `values (n,)` or `(n, dim)` added up by speaker."""
        if not len(values):
            return values
        order = np.argsort(self.speakers, kind="stable")
        starts = np.searchsorted(self.speakers[order], np.arange(self.speakers.max() + 1))
        added: Reals = np.add.reduceat(values[order], starts, axis=0)
        return added

    def sums(self, weights: Reals) -> Reals:
        """`(speakers, dim)`: each speaker's utterances added up by `weights (n,)`."""
        return self.totals(self.embeddings * weights[:, None])


def own_llrs(labeled: Labeled, weights: Reals, compare: Compare) -> Reals:
    """`(n,)`: each utterance against its speaker's voiceprint made without it; NaN where nothing is left of that."""
    others = labeled.sums(weights)[labeled.speakers] - labeled.embeddings * weights[:, None]
    left = np.linalg.norm(others, axis=1) > NOTHING
    llrs = np.full(len(others), np.nan)
    llrs[left] = paired(labeled.embeddings[left], unit(others[left]), compare)
    return llrs


def paired(probes: FloatArray, voiceprints: FloatArray, compare: Compare) -> Reals:
    """`(n,)`: row i of `probes (n, dim)` against row i of `voiceprints (n, dim)`."""
    llrs = np.empty(len(probes))
    for start in range(0, len(probes), PAIRED_ROWS):
        rows = slice(start, start + PAIRED_ROWS)
        llrs[rows] = np.diag(compare(probes[rows], voiceprints[rows]))
    return llrs


def unit(rows: Reals) -> FloatArray:
    """Rows of `(n, dim)` scaled to length 1; a row that points nowhere stays what it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > NOTHING, norms, 1.0), np.float32)
