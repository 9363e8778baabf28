"""Whose is an utterance: the speaker's whose name it carries, another enrolled one's, or a stranger's.

Every utterance is scored against its own speaker's voiceprint made without it and against all other voiceprints. The
llrs and the prior chance of a wrong name give the probability of each answer. Utterances that are probably of another
speaker then weigh less in the voiceprints, and all are scored again: otherwise a wrong one hides itself, and accuses
the right ones beside it, where a speaker has few.

Of two utterances that differ neither is the majority. All four answers (both right, one wrong, the other, both) are
weighed together: other speakers decide, or nothing does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from speakerid.audit.leave_one_out import Compare, Indices, Labeled, Reals, blocks, own_llrs

LEAST_WEIGHT = 1e-6  # a voiceprint is made of something, even where every utterance is doubted


@dataclass(frozen=True)
class Prior:
    """Before any comparison."""

    wrong: float = 0.05  # chance that an utterance carries the wrong name
    stranger: float = 0.5  # of those: share whose true speaker is not enrolled


PRIOR = Prior()


@dataclass(frozen=True)
class Labels:
    """For each of n utterances. Where a speaker has one utterance, `own_llr` is NaN and nothing is held against it."""

    own_llr: Reals  # (n,) against the speaker's other utterances
    other: Indices  # (n,) the best of the other speakers, -1 when there is none
    other_llr: Reals  # (n,) against that one; -inf when there is none
    right: Reals  # (n,) probability that the label is right
    elsewhere: Reals  # (n,) probability that it is the speaker `other`
    stranger: Reals  # (n,) probability that it is a stranger, not enrolled here
    both_right: Reals  # (n,) of a speaker with two utterances: probability that both are; else NaN


@dataclass(frozen=True)
class _Others:
    best: Indices  # (n,)
    best_llr: Reals  # (n,)
    best_share: Reals  # (n,) of the wrong labels: probability that it is that speaker
    stranger_share: Reals  # (n,) or a stranger
    log_odds: Reals  # (n,) log likelihood ratio of "a wrong label" to "the speech of a stranger"


def judge(labeled: Labeled, compare: Compare, prior: Prior = PRIOR, passes: int = 2) -> Labels:
    """Score all utterances `passes` times, each time with voiceprints weighted by the last verdict."""
    weights = np.ones(len(labeled))
    for _ in range(passes):
        labels = _once(labeled, np.maximum(weights, LEAST_WEIGHT), compare, prior)
        weights = labels.right
    return labels


def _once(labeled: Labeled, weights: Reals, compare: Compare, prior: Prior) -> Labels:
    own = own_llrs(labeled, weights, compare)
    others = _others(labeled, weights, compare, prior, np.flatnonzero(~np.isnan(own)))
    unopposed = np.where(np.isnan(own), np.inf, own)
    right = _sigmoid(unopposed - others.log_odds + math.log1p(-prior.wrong) - math.log(prior.wrong))
    first, second = _twos(labeled)
    both_right = np.full(len(own), np.nan)
    both, right[first], right[second] = _jointly(own[first], others.log_odds[first], others.log_odds[second], prior)
    both_right[first] = both_right[second] = both
    return Labels(
        own_llr=own,
        other=others.best,
        other_llr=others.best_llr,
        right=right,
        elsewhere=(1.0 - right) * others.best_share,
        stranger=(1.0 - right) * others.stranger_share,
        both_right=both_right,
    )


def _others(labeled: Labeled, weights: Reals, compare: Compare, prior: Prior, rows: Indices) -> _Others:
    """Of the utterances `rows`, in blocks; the rest keep "no other"."""
    n, speakers = len(labeled), len(labeled.sizes)
    best, best_llr, all_llr = np.full(n, -1), np.full(n, -np.inf), np.full(n, -np.inf)
    voiceprints = labeled.voiceprints(weights)
    for at in blocks(rows, speakers) if speakers > 1 else ():
        llrs = compare(labeled.embeddings[at], voiceprints)
        llrs[np.arange(len(at)), labeled.speakers[at]] = -np.inf
        best[at] = llrs.argmax(axis=1)
        best_llr[at] = llrs.max(axis=1)
        all_llr[at] = np.logaddexp.reduce(llrs, axis=1)
    stranger = math.log(prior.stranger)
    each = math.log1p(-prior.stranger) - math.log(max(speakers - 1, 1))
    log_odds = np.logaddexp(stranger, each + all_llr)
    return _Others(best, best_llr, np.exp(each + best_llr - log_odds), np.exp(stranger - log_odds), log_odds)


def _jointly(agree: Reals, first: Reals, second: Reals, prior: Prior) -> tuple[Reals, Reals, Reals]:
    """Probabilities that both of two utterances are right, that the first is, and that the second is.

    `agree` is the llr of one against the other; `first` and `second` are what a wrong label explains of each.
    """
    right, wrong = math.log1p(-prior.wrong), math.log(prior.wrong)
    logs = np.stack([2 * right + agree, right + wrong + second, wrong + right + first, 2 * wrong + first + second])
    both, only_first, only_second, _ = np.exp(logs - np.logaddexp.reduce(logs, axis=0))
    return both, both + only_first, both + only_second


def _twos(labeled: Labeled) -> tuple[Indices, Indices]:
    """The first and the second utterance of every speaker who has two."""
    order = np.argsort(labeled.speakers, kind="stable")
    members = order[labeled.sizes[labeled.speakers[order]] == 2]
    return members[::2], members[1::2]


def _sigmoid(log_odds: Reals) -> Reals:
    return np.exp(-np.logaddexp(0.0, -log_odds))
