"""Who speaks when: the answer to a recording, the job that finds it out, and the unknown voices in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from speakerid.types.common import AudioWarning, JobError, JobState, Speech
from speakerid.types.decisions import CalibrationSource, Candidate, Decision, SpeakerRef, Threshold
from speakerid.types.gallery import EnrollmentWarning, Match, Speaker, Utterance


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
    overlap: bool = False  # another speaks in a part of it, on the same channel or another


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
    warnings: tuple[AudioWarning, ...] = ()
    lost_seconds: float = 0.0


JobStage = Literal["speech", "clusters", "names"]
Sides = Literal["mix", "split"] | int  # all channels as one, each by itself, or one of them, counted from 0


@dataclass(frozen=True)
class SpeakerCount:
    """How many people speak, on each channel with "split", as far as that is known: `speakers`, or bounds."""

    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None

    @property
    def least(self) -> int:
        return self.speakers or self.min_speakers or 1

    @property
    def most(self) -> int | None:
        return self.speakers or self.max_speakers

    def allows(self, number: int) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)


@dataclass(frozen=True)
class JobOptions(SpeakerCount):
    """What was asked for. `candidates` are the only speakers to be named: in answers ids, in questions names, too.

    Of `tags` they have to have one, where any are given.
    """

    candidates: tuple[str, ...] | None = None
    channel: Sides = "mix"
    tags: tuple[str, ...] | None = None

    @property
    def names_anybody(self) -> bool:
        return self.candidates is None and self.tags is None


@dataclass(frozen=True)
class RecordingJob:
    """A recording as a job, waiting, running or ended."""

    id: str
    name: str | None  # the one that was given, or the file's without its suffix
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


@dataclass(frozen=True)
class RecordingPeaks:
    """What a waveform is drawn of."""

    seconds: float  # of the whole recording
    peaks: tuple[float, ...]  # the largest sample of equally long parts, 0 to 1


@dataclass(frozen=True)
class UnknownVoice:
    """One person, as far as embeddings can show, who is not enrolled."""

    id: str
    recordings: int  # different ones: the same recording sent twice counts once
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
    """An unknown speaker in one recording."""

    recording: str
    voice: str  # its label there: `unknown_1`, `unknown_2`, …
    speech_seconds: float
    received_at: datetime
    turns: tuple[UnknownVoiceTurn, ...]


@dataclass(frozen=True)
class UnknownVoiceDetails:
    """One unknown speaker, and where they speak, oldest first."""

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
