"""Who speaks when: the answer to a recording, and the job that finds it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from speakerid.types.decisions import CalibrationSource, Candidate, Decision, SpeakerRef, Threshold
from speakerid.types.speech import Speech


@dataclass(frozen=True)
class Turn:
    """One voice of a recording, speaking without a longer pause; in seconds from its start."""

    start: float
    end: float
    voice: str  # which of the recording's voices: a speaker's id, or `unknown_1`, `unknown_2`, …
    speaker: SpeakerRef | None
    channel: int | None  # None where all channels were mixed
    llr: float | None  # of the whole voice being this speaker, not of this turn alone
    probability: float | None
    overlap: bool = False  # another person speaks during a part of it, on the same channel or another


@dataclass(frozen=True)
class RecordedVoice:
    """One voice of a recording, judged like a probe; no two voices get one name."""

    voice: str
    decision: Decision
    speaker: SpeakerRef | None
    candidates: tuple[Candidate, ...]  # best first
    margin: float | None  # llr of the best minus llr of the second candidate
    threshold: Threshold | None
    speech: Speech  # `seconds` of this voice alone; the rest was measured in the recording
    channel: int | None
    reason: str
    unknown_id: str | None = None  # of a voice without a name, where the gallery keeps it: the same in all recordings


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
    id: str | None = None  # of a recording that was kept


JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobStage = Literal["speech", "clusters", "names"]
Sides = Literal["mix", "split"] | int  # all channels as one, each by itself, or one of them, counted from 0


@dataclass(frozen=True)
class JobError:
    code: str  # of the same kind as in a problem document
    detail: str


@dataclass(frozen=True)
class JobOptions:
    """What was asked for. `candidates` are ids."""

    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    candidates: tuple[str, ...] | None = None
    channel: Sides = "mix"


@dataclass(frozen=True)
class RecordingJob:
    """The job of finding who speaks when in one recording."""

    id: str
    state: JobState
    stage: JobStage | None  # None unless it is running
    progress: float  # percent
    cancelling: bool  # it was asked to stop and will
    options: JobOptions
    error: JobError | None  # why it failed
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class RecordingResult(RecordingJob):
    result: Recording | None  # None unless it is done
