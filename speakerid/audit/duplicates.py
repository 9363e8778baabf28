"""One person under two names: pairs of speakers who are as alike as each is to itself.

Two conditions, because either alone names look-alikes. The mean llr between their utterances and each other's
voiceprints must outweigh the number of other speakers: P(llr >= t | different) <= exp(-t), so fewer than one of them
is expected to come so near by chance. And their likeness, the mean cosine between their utterances over the mean cosine
within each (Spearman's correction for attenuation, "The proof and measurement of association between two things",
American Journal of Psychology 15, 1904), must be near 1, which it is for one person however good the encoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from speakerid.audit.leave_one_out import Compare, Indices, Labeled, Mask, Reals, blocks, paired
from speakerid.types import FloatArray

LIKENESS = 0.9
UNCHECKED_LLR = math.log(10.0)  # more is asked where no speaker has two utterances: then likeness is not known
TYPICAL_PAIRS = 3.0  # the gallery's mean cosine within a speaker counts as many pairs of utterances of each


@dataclass(frozen=True)
class Duplicates:
    """m pairs of speakers that are each other's nearest, `first < second`, all `(m,)`."""

    first: Indices
    second: Indices
    llr: Reals  # mean llr of the utterances of each against the voiceprint of the other
    likeness: Reals  # 1 for one person; NaN where no speaker has two utterances


def find(labeled: Labeled, weights: Reals, compare: Compare, only: Mask | None = None) -> Duplicates:
    """`weights (n,)`: how far each utterance is its speaker's own. `only (speakers,)`: at least one of a pair is."""
    voiceprints = labeled.voiceprints(weights)
    first, second = _mutual(_nearest(voiceprints, compare, only))
    if only is not None:
        kept = only[first] | only[second]
        first, second = first[kept], second[kept]
    llr = _mean_llrs(labeled, weights, voiceprints, first, second, compare)
    likeness = _likeness(labeled, weights, first, second)
    bar = math.log(max(len(voiceprints) - 1, 1))
    found = np.where(np.isnan(likeness), llr >= bar + UNCHECKED_LLR, (llr >= bar) & (likeness >= LIKENESS))
    return Duplicates(first[found], second[found], llr[found], likeness[found])


def _nearest(voiceprints: FloatArray, compare: Compare, only: Mask | None) -> Indices:
    """`(speakers,)`: the speaker whose voiceprint is nearest; itself where there is no other.

    Looked up for `only` and for those whom these are nearest to.
    """
    nearest = np.arange(len(voiceprints))
    asked = nearest.copy() if only is None else np.flatnonzero(only)
    _look_up(asked, nearest, voiceprints, compare)
    _look_up(np.setdiff1d(nearest[asked], asked), nearest, voiceprints, compare)
    return nearest


def _look_up(asked: Indices, nearest: Indices, voiceprints: FloatArray, compare: Compare) -> None:
    """Fills in `nearest` of the speakers `asked`."""
    for rows in blocks(asked, len(voiceprints)):
        llrs = compare(voiceprints[rows], voiceprints)
        llrs[np.arange(len(rows)), rows] = -np.inf
        nearest[rows] = llrs.argmax(axis=1)


def _mutual(nearest: Indices) -> tuple[Indices, Indices]:
    speakers = np.arange(len(nearest))
    first = speakers[(nearest[nearest] == speakers) & (speakers < nearest)]
    return first, nearest[first]


def _mean_llrs(
    labeled: Labeled, weights: Reals, voiceprints: FloatArray, first: Indices, second: Indices, compare: Compare
) -> Reals:
    """`(m,)`: over all utterances of both, each against the other's voiceprint."""
    partner = np.full(len(voiceprints), -1)
    partner[first], partner[second] = second, first
    rows = np.flatnonzero(partner[labeled.speakers] >= 0)
    against = np.zeros(len(labeled))
    against[rows] = paired(labeled.embeddings[rows], voiceprints[partner[labeled.speakers[rows]]], compare)
    llrs, sizes = labeled.totals(against * weights), labeled.totals(weights)
    mean: Reals = (llrs[first] + llrs[second]) / (sizes[first] + sizes[second])
    return mean


def _likeness(labeled: Labeled, weights: Reals, first: Indices, second: Indices) -> Reals:
    """`(m,)`: mean cosine between the utterances of two speakers over the geometric mean of those within each."""
    sums, sizes = labeled.sums(weights), labeled.totals(weights)
    squares = labeled.totals(weights**2)
    cosines = np.einsum("ij,ij->i", sums, sums) - squares  # over ordered pairs of different utterances
    pairs = np.where(labeled.sizes > 1, sizes**2 - squares, 0.0)
    if not pairs.sum() > 0.0 or not cosines.sum() > 0.0:
        return np.full(len(first), np.nan)
    typical = cosines.sum() / pairs.sum()
    within = (cosines / 2 + TYPICAL_PAIRS * typical) / (pairs / 2 + TYPICAL_PAIRS)
    between = np.einsum("ij,ij->i", sums[first], sums[second]) / (sizes[first] * sizes[second])
    both: Reals = between / np.sqrt(np.maximum(within[first] * within[second], 1e-9))
    return both
