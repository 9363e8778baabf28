"""What a gallery holds, and what enrolling into it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from speakerid.types.common import JobError, JobState, Speech
from speakerid.types.decisions import CalibrationSource

# How utterances become a voiceprint: the mean of all, or each weighted by its seconds of speech.
Combining = Literal["mean", "weighted"]
# The gravest first. Each can be overridden by naming it in `accept`.
EnrollmentRefusal = Literal[
    "too_little_speech",
    "clipped",
    "more_than_one_voice",
    "does_not_match_speaker",
    "voice_already_enrolled",
]


@dataclass(frozen=True)
class GalleryCalibration:
    """The calibration that answers use. `unused`: why a gallery's own one is passed over."""

    source: CalibrationSource
    fitted_at: datetime | None = None
    speakers: int | None = None
    targets: int | None = None
    nontargets: int | None = None
    unused: str | None = None


@dataclass(frozen=True)
class Gallery:
    """A tenant: speakers are only ever compared inside one gallery."""

    name: str
    target_fpir: float  # accepted chance that a stranger is named
    min_speech_seconds: float  # net speech a probe or an enrollment utterance needs
    enroll_speech_seconds: float  # net speech after which a speaker counts as enrolled
    keep_audio: bool
    combining: Combining  # how enrollment utterances become a voiceprint
    keep_unknown_voices: bool  # whether unknown speakers of recordings are kept
    unknown_voices: int  # how many are
    encoder: str  # name@fingerprint of the encoder that made its embeddings
    calibration: GalleryCalibration
    speakers: int
    created_at: datetime
    etag: str


@dataclass(frozen=True)
class Speaker:
    id: str
    name: str
    external_id: str | None
    metadata: dict[str, Any]
    consent: dict[str, Any]
    status: Literal["new", "enrolling", "enrolled", "opted_out"]
    utterances: int
    speech_seconds: float
    remaining_speech_seconds: float  # until the speaker counts as enrolled
    created_at: datetime
    etag: str
    consent_expired: bool = False  # nobody is told who they are then
    tags: tuple[str, ...] = ()  # by the alphabet


@dataclass(frozen=True)
class Utterance:
    """One enrollment utterance."""

    id: str
    sha256: str  # of the bytes that were sent
    speech: Speech
    voices: int | None  # in it, 2 for two or more; None for too little speech
    accepted: tuple[EnrollmentRefusal, ...]  # refusals that were overridden
    encoder: str
    created_at: datetime


EnrollmentWarning = Literal[
    "clipped",
    "noisy",
    "narrow_band",  # like a telephone's
    "bandwidth_differs",  # narrow among wide ones, or the other way round
    "two_voices",
    "weak_match",
    "similar_voice",  # to that of another speaker
    "same_take",  # of an utterance that is enrolled already, in another encoding: it counts once
    "audio_lost",  # a part of the file cannot be decoded
]


@dataclass(frozen=True)
class Match:
    """How alike a recording and a voiceprint are."""

    score: float
    llr: float


@dataclass(frozen=True)
class Review:
    """The enrollment coach's judgement of one recording for one speaker."""

    speech: Speech
    needed_speech_seconds: float
    voices: int | None
    cohesion: Match | None  # with what is enrolled for the speaker already; None when that is nothing
    similar_speaker: str | None  # id of another speaker whose voice is as good as the same
    refusals: tuple[EnrollmentRefusal, ...]
    warnings: tuple[EnrollmentWarning, ...]


@dataclass(frozen=True)
class Enrollment:
    """What enrolling one utterance did."""

    speaker: Speaker
    utterance: Utterance
    already_enrolled: bool  # the same bytes, or the same take, were enrolled before: nothing changed
    cohesion: Match | None  # with the speaker's other utterances; None for the first
    similar_speaker: str | None  # id of another speaker with a voice like this one
    warnings: tuple[EnrollmentWarning, ...]
    lost_seconds: float = 0.0


@dataclass(frozen=True)
class GalleryExport:
    """What a gallery's file holds."""

    gallery: str
    speakers: int
    utterances: int
    audio: int  # utterances whose recording is in it
    encoder: str  # name@fingerprint
    left_out: tuple[str, ...]  # ids of speakers and utterances whose rows are damaged; the first hundred


@dataclass(frozen=True)
class GalleryImport:
    """What an import made. An id that the store had already is another one now."""

    gallery: Gallery
    utterances: int
    audio: int
    new_speaker_ids: dict[str, str]  # by the id in the file
    new_utterance_ids: dict[str, str]


@dataclass(frozen=True)
class Reembedding:
    """A gallery's way to another encoder, as a job: waiting, running or ended."""

    id: str
    gallery: str
    state: JobState
    progress: float  # percent
    utterances: int  # of the gallery now
    from_encoder: str  # name@fingerprint
    encoder: str  # to which it moves
    cancelling: bool  # it was asked to stop and will
    error: JobError | None  # why it failed
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    advice: str | None = None  # what is left to do, in a sentence
