"""What an audit found, and the repairs of a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from speakerid.types.decisions import CalibrationSource, SpeakerRef
from speakerid.types.gallery import Speaker
from speakerid.types.speech import Speech

FindingKind = Literal["mislabeled", "mismatched_pair", "duplicate_speakers", "junk", "weak_voiceprint"]
FindingReason = Literal["short", "noisy", "clipped", "too_little_speech", "too_few_utterances", "low_cohesion"]


@dataclass(frozen=True)
class FindingFigures:
    """The numbers a finding rests on; None where a number has no part in it."""

    probability: float | None = None  # that the finding is right
    own_llr: float | None = None  # of the utterance against its speaker's other utterances
    other_llr: float | None = None  # of the utterance, or of both speakers' utterances, against the other speaker
    likeness: float | None = None  # between two speakers as a share of that within each: 1 for one voice
    cohesion_llr: float | None = None  # mean llr of a speaker's utterances, each against the others
    utterances: int | None = None
    speech_seconds: float | None = None
    speech: Speech | None = None


@dataclass(frozen=True)
class Suggestion:
    """What would repair it: done to `speaker`, by the request or command of this name."""

    action: Literal["move_utterance", "delete_utterance", "merge_speakers", "enroll_more"]
    speaker: str
    utterance: str | None = None
    to: str | None = None  # the speaker to move or merge into


@dataclass(frozen=True)
class Finding:
    kind: FindingKind
    speaker: SpeakerRef
    sentence: str
    suggestion: Suggestion
    figures: FindingFigures
    other: SpeakerRef | None = None  # whose voice it seems to be
    utterances: tuple[str, ...] = ()
    reasons: tuple[FindingReason, ...] = ()  # of junk and of weak voiceprints


@dataclass(frozen=True)
class Audit:
    """What is wrong in a gallery, as far as its own embeddings can tell."""

    gallery: str
    speakers: int
    utterances: int
    findings: tuple[Finding, ...]
    encoder: str
    calibration: CalibrationSource
    next_cursor: str | None = None  # where to go on in a gallery that is too large for one answer


@dataclass(frozen=True)
class Change:
    """A merge or a move in a gallery's history."""

    id: str
    kind: Literal["merge", "move"]
    state: Literal["done", "undone", "erased"]  # erased: of a voice erased since, so that nothing is left but this
    speaker: SpeakerRef | None  # who was merged, or had the utterance before
    into: SpeakerRef | None
    utterances: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class Repair:
    """What a merge, a move or an undo did."""

    change: Change
    speakers: tuple[Speaker, ...]  # those it touched, as they are now
    summary: str
