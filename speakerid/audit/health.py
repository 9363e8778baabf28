"""The health of a gallery, from its embeddings: wrong labels, junk, one person under two names, cohesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speakerid.audit import duplicates, label_posterior
from speakerid.audit.duplicates import Duplicates
from speakerid.audit.label_posterior import PRIOR, Labels, Prior
from speakerid.audit.leave_one_out import Compare, Indices, Labeled, Mask, Reals

MORE_LIKELY_THAN_NOT = 0.5


@dataclass(frozen=True)
class Health:
    """Of n utterances and their speakers."""

    labels: Labels
    moves: Mask  # (n,) wrong label; it is of the speaker `label_posterior.other`
    strays: Mask  # (n,) wrong label; it is of a stranger
    junk: Mask  # (n,) poor audio that fits no speaker
    mismatched: Mask  # (n,) of two utterances that are not of one person; nothing shows which is wrong
    duplicates: Duplicates
    cohesion: Reals  # (speakers,) mean llr of the utterances with no wrong label against the others; NaN for one


def examine(labeled: Labeled, poor: Mask, compare: Compare, prior: Prior = PRIOR, only: Mask | None = None) -> Health:
    """`poor (n,)`: utterances whose audio alone may be to blame for not fitting.

    `only (speakers,)`: whom duplicates are looked for; others need one row, their voiceprint, to be compared with.
    """
    found = label_posterior.judge(labeled, compare, prior)
    twins = duplicates.find(labeled, found.right, compare, only)
    wrong = found.right < MORE_LIKELY_THAN_NOT
    moves = wrong & (found.elsewhere >= found.stranger) & ~_among(twins, labeled.speakers, found.other)
    alone = wrong & (found.elsewhere < found.stranger) & _outvoted(labeled, found)
    junk = ~moves & poor & (alone | ((found.own_llr < 0.0) & (found.other_llr < 0.0)))
    pair = found.both_right < MORE_LIKELY_THAN_NOT
    return Health(
        labels=found,
        moves=moves,
        strays=alone & ~junk,
        junk=junk,
        mismatched=pair & ~_any_of_speaker(labeled, moves | junk),
        duplicates=twins,
        cohesion=_cohesion(labeled, found, ~(moves | alone | junk)),
    )


def _outvoted(labeled: Labeled, found: Labels) -> Mask:
    """`(n,)`: most of the speaker's utterances agree without this one. Of two, neither is outvoted."""
    others: Reals = labeled.totals(found.right)[labeled.speakers] - found.right
    most: Mask = others > labeled.sizes[labeled.speakers] / 2
    return most


def _among(twins: Duplicates, speakers: Indices, others: Indices) -> Mask:
    """`(n,)`: the two are one person under two names, so that neither label is wrong."""
    partner = np.full(len(speakers) + 1, -2)  # no twin: unequal to every speaker and to "no other"
    partner[twins.first], partner[twins.second] = twins.second, twins.first
    same: Mask = partner[speakers] == others
    return same


def _any_of_speaker(labeled: Labeled, mask: Mask) -> Mask:
    return np.greater(labeled.totals(mask.astype(np.float64)), 0.0)[labeled.speakers]


def _cohesion(labeled: Labeled, found: Labels, kept: Mask) -> Reals:
    counted = kept & ~np.isnan(found.own_llr)
    sizes = labeled.totals(counted.astype(np.float64))
    sums = labeled.totals(np.where(counted, found.own_llr, 0.0))
    return np.where(sizes > 0, sums / np.maximum(sizes, 1.0), np.nan)
