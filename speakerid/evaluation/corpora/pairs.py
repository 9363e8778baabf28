"""A trial list out of a corpus that has none: pairs of its recordings."""

from __future__ import annotations

import hashlib

import numpy as np

from speakerid.evaluation.corpora.corpus import Corpus
from speakerid.evaluation.trials.trial_list import Places, TrialList, checked

MOST = 1_000_000  # of either kind; of more so many are drawn at random, with a fixed seed


def all_pairs(corpus: Corpus, most: int = MOST) -> TrialList:
    """Every pair of two recordings. Raises SpeakersUnknown, OneSpeaker, OneKindOfTrial."""
    speakers = corpus.by_speaker()
    names = [one.name for recordings in speakers.values() for one in recordings]
    owners = np.repeat(np.arange(len(speakers)), [len(recordings) for recordings in speakers.values()])
    rows = np.arange(len(names))
    behind = np.searchsorted(owners, owners, side="right")  # where the next speaker's recordings begin
    kinds = _pairs(rows + 1, behind, most), _pairs(behind, np.full_like(rows, len(names)), most)
    enroll, test = (np.concatenate(sides) for sides in zip(*kinds, strict=True))
    same = owners[enroll] == owners[test]
    text = "".join(f"{int(kind)} {names[a]} {names[b]}\n" for kind, a, b in zip(same, enroll, test, strict=True))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return checked(TrialList(f"pairs of {corpus.name}", digest, tuple(names), enroll, test, same))


def _pairs(first: Places, end: Places, most: int) -> tuple[Places, Places]:
    """Row k with each of `first[k]` to `end[k] - 1`."""
    ends = np.cumsum(end - first, dtype=np.intp)
    total = int(ends[-1])
    ranks = np.arange(total) if total <= most else np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    rows = np.searchsorted(ends, ranks, side="right")
    partners = end[rows] - (ends[rows] - ranks)
    return rows, partners
