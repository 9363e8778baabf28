"""Embeddings of one kind of recording with whose they are, and galleries drawn from them to fit on and to test."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.types import FloatArray

ENROLLED = 3  # utterances of each speaker
ASKED = 8  # utterances of one speaker that are asked at most
STRANGERS = 30  # speakers of one draw at most
ALIKE = 0.8  # cosine of two voiceprints that is one person's: a few people are twice in crowd-sourced sets
MOST_TWICE = 0.2  # of the speakers of a domain

Indices = NDArray[np.intp]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class LabeledDomain:
    """n utterances of one kind of recording."""

    name: str
    embeddings: FloatArray  # (n, dim), rows of length 1
    speakers: Indices  # (n,)
    sessions: Indices  # (n,): different numbers for different speakers
    seconds: Reals  # (n,) of speech
    windows: dict[int, FloatArray] = field(default_factory=dict)  # of some utterances: (w, dim), in order of time

    @property
    def names(self) -> Indices:
        """(s,): the numbers of the speakers."""
        return np.unique(self.speakers)

    def of(self, speaker: int) -> Indices:
        """The speaker's utterances."""
        return np.flatnonzero(self.speakers == speaker)

    def without(self, speakers: frozenset[int]) -> LabeledDomain:
        kept = np.flatnonzero(~np.isin(self.speakers, list(speakers)))
        rows = (self.embeddings[kept], self.speakers[kept], self.sessions[kept], self.seconds[kept])
        windows = {new: self.windows[old] for new, old in enumerate(kept.tolist()) if old in self.windows}
        return LabeledDomain(self.name, *rows, windows)


@dataclass(frozen=True)
class DrawnGallery:
    """s speakers enrolled with e utterances in all; k utterances of theirs and m of strangers are asked."""

    voiceprints: FloatArray  # (s, dim)
    enrolled: FloatArray  # (e, dim)
    enrolled_of: Indices  # (e,): which voiceprint
    known: FloatArray  # (k, dim), of other sessions than those enrolled
    known_of: Indices  # (k,)
    strangers: FloatArray  # (m, dim)

    def known_scores(self) -> Reals:
        """(k, s)"""
        return cosine(self.known, self.voiceprints).astype(np.float64)

    def stranger_scores(self) -> Reals:
        """(m, s)"""
        return cosine(self.strangers, self.voiceprints).astype(np.float64)

    def cross_speaker_maxima(self) -> Reals:
        """(e,): the best score of every enrolled utterance among the other speakers. Needs two speakers."""
        scores = cosine(self.enrolled, self.voiceprints).astype(np.float64)
        scores[np.arange(len(scores)), self.enrolled_of] = -np.inf
        best: Reals = scores.max(axis=1)
        return best


def draw(domain: LabeledDomain, size: int, random: np.random.Generator) -> DrawnGallery:
    """`size` speakers enrolled; strangers are among the others."""
    order = random.permutation(domain.names)
    enrolled, asked = zip(*(sides(domain, speaker, random) for speaker in order[:size]), strict=True)
    strangers = [random.permutation(domain.of(speaker))[:ASKED] for speaker in order[size : size + STRANGERS]]
    rows, none = domain.embeddings, np.zeros(0, np.intp)
    return DrawnGallery(
        voiceprints=np.stack([voiceprint(rows[one[:ENROLLED]]) for one in enrolled]),
        enrolled=rows[np.concatenate([one[:ENROLLED] for one in enrolled])],
        enrolled_of=np.repeat(np.arange(size), [len(one[:ENROLLED]) for one in enrolled]),
        known=rows[np.concatenate([one[:ASKED] for one in asked])],
        known_of=np.repeat(np.arange(size), [len(one[:ASKED]) for one in asked]),
        strangers=rows[np.concatenate([*strangers, none])],
    )


def sides(domain: LabeledDomain, speaker: int, random: np.random.Generator) -> tuple[Indices, Indices]:
    """A speaker's utterances of half of the sessions, and of the other half, which one session alone does not have."""
    own = random.permutation(domain.of(speaker))
    sessions = random.permutation(np.unique(domain.sessions[own]))
    first = np.isin(domain.sessions[own], sessions[: (len(sessions) + 1) // 2])
    return own[first], own[~first]


def one_person_twice(domain: LabeledDomain) -> frozenset[int]:
    """Speakers who sound like an earlier one of the domain, as one person does in two recordings.

    None where they would be many: the encoder finds different people as alike.
    """
    names = domain.names
    prints = np.stack([voiceprint(domain.embeddings[domain.of(name)]) for name in names])
    alike = np.tril(cosine(prints, prints) > ALIKE, -1)
    left_out = np.zeros(len(names), np.bool_)
    for row in range(len(names)):
        left_out[row] = (alike[row] & ~left_out).any()
    return frozenset(int(name) for name in names[left_out] if left_out.mean() <= MOST_TWICE)
