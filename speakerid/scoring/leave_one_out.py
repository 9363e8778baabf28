"""Leave-one-out voiceprints: every utterance against its speaker's other utterances, by matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.combining import shares
from speakerid.scoring.sides import Side
from speakerid.types import Combining, FloatArray

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
Compare = Callable[[Side, Side], Reals]  # llrs (n, m) of n probes against m voiceprints

BLOCK_LLRS = 1_000_000  # of one matrix product: 8 MB, and as much again for each step of a scorer
PAIRED_ROWS = 64  # of a block of row-by-row comparisons only the diagonal is used
NOTHING = 1e-9  # a sum of unit vectors that is shorter points nowhere


@dataclass(frozen=True)
class Labeled:
    """n utterances, their embeddings of length 1, and whose they are said to be.

    `speakers (n,)` holds every number from 0 to the highest at least once.
    """

    side: Side
    speakers: Indices
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
        return self.totals(self.side.embeddings * weights[:, None])

    def shared(self, weights: Reals) -> Reals:
        """`(n,)`: what each utterance counts in its voiceprint when it is trusted as far as `weights (n,)` say."""
        return weights * shares(self.combining, self.side.seconds)

    def voiceprints(self, weights: Reals) -> Side:
        """Of every speaker."""
        return _voiceprints(self.sums(self.shared(weights)), self.totals(_amounts(self.side)))


def own_llrs(labeled: Labeled, weights: Reals, compare: Compare) -> Reals:
    """`(n,)`: each utterance against its speaker's voiceprint made without it; NaN where nothing is left of that."""
    side, speakers = labeled.side, labeled.speakers
    counted = labeled.shared(weights)
    sums = labeled.sums(counted)[speakers] - side.embeddings * counted[:, None]
    left = np.linalg.norm(sums, axis=1) > NOTHING
    amounts = labeled.totals(_amounts(side))[speakers] - _amounts(side)
    llrs = np.full(len(labeled), np.nan)
    llrs[left] = paired(side[left], _voiceprints(sums[left], amounts[left]), compare)
    return llrs


def paired(probes: Side, voiceprints: Side, compare: Compare) -> Reals:
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


def _amounts(side: Side) -> Reals:
    """`(n, 5)`: 1, seconds, 1 where the SNR is known, that SNR, bandwidth. Their sums describe a voiceprint."""
    known = ~np.isnan(side.snr_db)
    snr_db = np.where(known, side.snr_db, 0.0)
    return np.stack([np.ones(len(side)), side.seconds, known, snr_db, side.bandwidth_hz], axis=1)


def _voiceprints(sums: Reals, amounts: Reals) -> Side:
    count, seconds, known, snr_db, bandwidth_hz = amounts.T
    return Side(
        embeddings=unit(sums),
        seconds=seconds,
        snr_db=np.where(known > 0, snr_db / np.maximum(known, 1), np.nan),
        bandwidth_hz=bandwidth_hz / np.maximum(count, 1),
    )
