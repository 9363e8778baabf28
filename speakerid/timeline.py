"""Who speaks when: the answer to a recording."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.types import CalibrationSource, Candidate, Decision, SpeakerRef, Speech, Threshold


@dataclass(frozen=True)
class Turn:
    """One voice of a recording, speaking without a longer pause; in seconds from its start."""

    start: float
    end: float
    voice: str  # which of the recording's voices: a speaker's id, or `unknown_1`, `unknown_2`, …
    speaker: SpeakerRef | None
    channel: int | None  # None where all channels were heard as one
    llr: float | None  # of the whole voice being this speaker, not of this turn alone
    probability: float | None


@dataclass(frozen=True)
class RecordedVoice:
    """One voice of a recording, judged like a probe; no two voices get one name."""

    voice: str
    decision: Decision
    speaker: SpeakerRef | None
    candidates: tuple[Candidate, ...]  # best first
    margin: float | None  # llr of the best minus llr of the second candidate
    threshold: Threshold | None
    speech: Speech  # `seconds` of this voice; the rest was measured in the recording
    channel: int | None
    reason: str


@dataclass(frozen=True)
class Recording:
    """Who speaks when."""

    seconds: float
    turns: tuple[Turn, ...]  # by start
    voices: tuple[RecordedVoice, ...]  # in order of first appearance
    speech_seconds: float
    prior: float  # assumed probability, before listening, that a voice is enrolled
    encoder: str
    calibration: CalibrationSource
    reason: str  # one sentence for a person
