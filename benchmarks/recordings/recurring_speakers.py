"""Made conversations in which people come back, each time with other speech; and what an inbox makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from benchmarks.recordings.reference import ReferenceTurn
from recipes.simulation.conversations import Cast, CastMember, Conversation, Scene, conversations
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

PART_S = 5.5  # of what one person speaks in one conversation: what the shortest of the cast have for two of them
PARTS = 5  # conversations of one person, at most
SIZE = 4  # people in one conversation, at most
ALONE = 0.15  # chance that a part opens a new conversation while others have room
SPOKEN_S = 5.0  # who speaks less in a recording cannot be expected to be recognized in another


def recurring_conversations(cast: Cast, seed: int) -> Iterator[Conversation]:
    """The same ones for the same seed."""
    random = np.random.default_rng(seed)
    for voices in _dealt(cast, random):
        if len(voices) > 1:
            made = Cast(tuple(voices), cast.noises)
            yield from conversations(made, 1, int(random.integers(2**31)), Scene((len(voices), len(voices))))


def _dealt(cast: Cast, random: np.random.Generator) -> list[list[CastMember]]:
    """The parts of all, a person once in a conversation."""
    dealt: list[list[CastMember]] = []
    for i in random.permutation(len(cast.voices)):
        for part in _parts(cast.voices[i], random):
            free = [one for one in dealt if len(one) < SIZE and all(other.name != part.name for other in one)]
            if free and random.random() > ALONE:
                free[int(random.integers(len(free)))].append(part)
            else:
                dealt.append([part])
    return dealt


def _parts(voice: CastMember, random: np.random.Generator) -> list[CastMember]:
    """About as long as one another, and of different pieces."""
    seconds = sum(len(piece) for piece in voice.pieces) / SAMPLE_RATE_HZ
    parts: list[list[FloatArray]] = [[] for _ in range(min(max(int(seconds / PART_S), 1), PARTS))]
    for i in random.permutation(len(voice.pieces)):
        min(parts, key=lambda part: sum(len(piece) for piece in part)).append(voice.pieces[i])
    return [CastMember(voice.name, tuple(part), voice.enroll) for part in parts if part]


@dataclass(frozen=True)
class Appearance:
    """One appearance of a kept unknown speaker: in which recording, and whose speech it mostly is."""

    recording: str
    speaker: str


@dataclass(frozen=True)
class Inbox:
    """Counts; `+` adds those of another world."""

    recurring: int = 0  # strangers who speak enough in two recordings or more
    recognized: int = 0  # of them, found in two recordings as one unknown speaker
    whole: int = 0  # of them, in no other unknown speaker besides
    kept: int = 0  # unknown speakers
    again: int = 0  # of them, found in two recordings or more
    mixed: int = 0  # of the kept, with appearances of two people
    enrolled: int = 0  # of the kept, mostly of an enrolled speaker

    def __add__(self, other: Inbox) -> Inbox:
        return Inbox(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


def speaker_of(turns: Sequence[tuple[float, float]], truth: Sequence[ReferenceTurn]) -> str:
    """Who speaks longest in these turns; empty where no one does."""
    spoken: dict[str, float] = {}
    for start, end in turns:
        for turn in truth:
            overlap = min(end, turn.end) - max(start, turn.start)
            spoken[turn.speaker] = spoken.get(turn.speaker, 0.0) + max(overlap, 0.0)
    best = max(spoken, key=lambda name: spoken[name], default="")
    return best if spoken.get(best) else ""


def counted(
    truth: Mapping[str, Sequence[ReferenceTurn]], enrolled: frozenset[str], kept: Sequence[Sequence[Appearance]]
) -> Inbox:
    """`truth` by recording; `kept`: the appearances of each."""
    recurring = _recurring(truth) - enrolled
    whole = [name for name in recurring if _recognized(name, kept) and len(_voices(name, kept)) == 1]
    return Inbox(
        recurring=len(recurring),
        recognized=sum(_recognized(name, kept) for name in recurring),
        whole=len(whole),
        kept=len(kept),
        again=sum(len({one.recording for one in voice}) > 1 for voice in kept),
        mixed=sum(len({one.speaker for one in voice}) > 1 for voice in kept),
        enrolled=sum(_mostly(voice) in enrolled for voice in kept),
    )


def _recurring(truth: Mapping[str, Sequence[ReferenceTurn]]) -> frozenset[str]:
    in_recordings: dict[str, int] = {}
    for turns in truth.values():
        for name in {one.speaker for one in turns}:
            seconds = sum(one.end - one.start for one in turns if one.speaker == name)
            in_recordings[name] = in_recordings.get(name, 0) + (seconds >= SPOKEN_S)
    return frozenset(name for name, count in in_recordings.items() if count > 1)


def _voices(name: str, kept: Sequence[Sequence[Appearance]]) -> list[Sequence[Appearance]]:
    return [voice for voice in kept if any(one.speaker == name for one in voice)]


def _recognized(name: str, kept: Sequence[Sequence[Appearance]]) -> bool:
    return any(len({one.recording for one in voice if one.speaker == name}) > 1 for voice in kept)


def _mostly(voice: Sequence[Appearance]) -> str:
    speakers = [one.speaker for one in voice]
    return max(speakers, key=speakers.count)
