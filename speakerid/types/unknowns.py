"""Voices of recordings that are nobody enrolled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from speakerid.types.enrollment import EnrollmentWarning, Match
from speakerid.types.gallery import Speaker, Utterance


@dataclass(frozen=True)
class UnknownVoice:
    """One voice, as far as can be heard, that is nobody enrolled."""

    id: str
    recordings: int  # in how many it was heard; the same recording sent twice counts once
    speech_seconds: float  # in these
    first_heard_at: datetime  # when the first of them was received
    last_heard_at: datetime
    encoder: str


@dataclass(frozen=True)
class UnknownVoiceTurn:
    """In seconds from the start of the recording."""

    start: float
    end: float


@dataclass(frozen=True)
class Hearing:
    """One recording that an unknown voice was heard in."""

    recording: str
    voice: str  # its label there: `unknown_1`, `unknown_2`, …
    speech_seconds: float
    received_at: datetime
    turns: tuple[UnknownVoiceTurn, ...]


@dataclass(frozen=True)
class UnknownVoiceDetails:
    """One unknown voice, and where it was heard, oldest first."""

    unknown: UnknownVoice
    hearings: tuple[Hearing, ...]


@dataclass(frozen=True)
class Promotion:
    """An unknown voice that has become a speaker, or part of one."""

    speaker: Speaker
    utterances: tuple[Utterance, ...]  # made of the hearings, one for each different recording
    recordings: tuple[str, ...]  # ids of the past recordings that name the speaker now
    cohesion: Match | None  # with the speaker's other utterances; None for a new speaker
    similar_speaker: str | None  # id of another speaker with a voice like this one
    warnings: tuple[EnrollmentWarning, ...]
