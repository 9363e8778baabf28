"""The answers of speakerid, one frozen dataclass each: the same object from Python, the API and the command line.

`score` is raw cosine, `llr` the calibrated natural-log likelihood ratio, `probability` a posterior under
the stated prior.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

T = TypeVar("T")
FloatArray = NDArray[np.float32]
Span = tuple[int, int]  # start and end (exclusive) in samples at 16 kHz
Decision = Literal["accept", "unknown", "ambiguous", "not_enough_speech", "no_speakers"]
VerifyDecision = Literal["accept", "reject", "not_enough_speech"]
CalibrationSource = Literal["gallery", "default"]
Scope = Literal["enroll", "identify", "read", "admin"]
FindingKind = Literal["mislabeled", "mismatched_pair", "duplicate_speakers", "junk", "weak_voiceprint"]
FindingReason = Literal["short", "noisy", "clipped", "too_little_speech", "too_few_utterances", "low_cohesion"]
# The gravest first. Each can be overridden by naming it in `accept`.
EnrollmentRefusal = Literal[
    "too_little_speech",
    "clipped",
    "audio_too_noisy",
    "more_than_one_voice",
    "does_not_match_speaker",
    "voice_already_enrolled",
]
EnrollmentWarning = Literal[
    "clipped",
    "noisy",
    "narrow_band",  # like a telephone's
    "bandwidth_differs",  # narrow among wide ones, or the other way round
    "two_voices",
    "weak_match",
    "similar_voice",  # to that of another speaker
]


@dataclass(frozen=True)
class Speech:
    """How much and how good the speech in one recording is."""

    seconds: float  # net speech after voice activity detection
    snr_db: float | None  # None when there is no pause to measure the noise in
    clipping_ratio: float  # share of samples at full scale, 0..1
    bandwidth_hz: int  # highest frequency that carries speech; 4000 for telephone


@dataclass(frozen=True)
class SpeakerRef:
    id: str
    name: str


@dataclass(frozen=True)
class Candidate:
    speaker: SpeakerRef
    score: float
    llr: float
    probability: float


@dataclass(frozen=True)
class Threshold:
    """The llr a candidate must reach, and where that number comes from."""

    llr: float
    source: Annotated[str, Field(serialization_alias="from", validation_alias="from")]


@dataclass(frozen=True)
class Identification:
    """Who speaks, out of one gallery (1:N, open set)."""

    decision: Decision
    speaker: SpeakerRef | None
    candidates: tuple[Candidate, ...]  # best first
    margin: float | None  # llr of the best minus llr of the second speaker
    threshold: Threshold | None
    prior: float  # assumed probability, before listening, that the voice is enrolled
    speech: Speech
    encoder: str
    calibration: CalibrationSource
    reason: str  # one sentence for a person


@dataclass(frozen=True)
class Verification:
    """Is it this one speaker (1:1)."""

    decision: VerifyDecision
    speaker: SpeakerRef
    score: float | None
    llr: float | None
    probability: float | None
    threshold: Threshold | None  # None with not_enough_speech
    prior: float
    speech: Speech
    encoder: str
    calibration: CalibrationSource
    reason: str


@dataclass(frozen=True)
class GalleryCalibration:
    """The calibration that answers use. `unused` says why a gallery's own one is passed over."""

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
    encoder: str  # name@fingerprint of the encoder that made its embeddings
    calibration: GalleryCalibration
    speakers: int
    created_at: datetime
    etag: str


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval over resampled speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OperatingPoint:
    """What one `target_fpir` comes to in this gallery, at its size."""

    target_fpir: float
    threshold_llr: float  # of a recording as good as the enrolled ones are
    fnir: Estimate  # share of the enrolled speakers' utterances that are not named
    fpir: Estimate  # share of strangers that are given a name


@dataclass(frozen=True)
class MeasuredCalibration:
    """One calibration on utterances of speakers that it was not fitted on."""

    cllr: Estimate  # bits lost: 0 for an oracle, 1 for no information
    points: tuple[OperatingPoint, ...]  # by rising target_fpir


@dataclass(frozen=True)
class Histogram:
    """How the llrs are spread. Outer bins hold what lies beyond."""

    edges: tuple[float, ...]  # one more than bins
    targets: tuple[int, ...]
    nontargets: tuple[int, ...]


@dataclass(frozen=True)
class CurveStep:
    """llrs from `low` to `high` meant `observed`: the llr that counting same and different speakers gives."""

    low: float
    high: float
    observed: float


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration fitted on a gallery's own enrollment utterances, beside the default one."""

    gallery: str
    stored: bool  # whether the gallery uses it from now on
    target_fpir: float  # of the gallery
    speakers: int  # whose utterances were compared
    utterances: int
    targets: int  # comparisons of an utterance with its own speaker's voiceprint without it
    nontargets: int  # with other speakers' voiceprints
    min_cllr: float  # Cllr of the best calibration there could be
    default: MeasuredCalibration
    fitted: MeasuredCalibration
    histogram: Histogram  # of the fitted calibration
    curve: tuple[CurveStep, ...]  # of the fitted calibration
    encoder: str
    reason: str  # one sentence for a person


@dataclass(frozen=True)
class Speaker:
    id: str
    name: str
    external_id: str | None
    metadata: dict[str, Any]
    consent: dict[str, Any]
    status: Literal["new", "enrolling", "enrolled"]
    utterances: int
    speech_seconds: float
    remaining_speech_seconds: float  # until the speaker counts as enrolled
    created_at: datetime
    etag: str


@dataclass(frozen=True)
class Utterance:
    """One enrollment utterance."""

    id: str
    sha256: str  # of the bytes that were sent
    speech: Speech
    voices: int | None  # heard in it, 2 for two or more; None when there is too little speech to tell
    accepted: tuple[EnrollmentRefusal, ...]  # refusals that were overridden
    encoder: str
    created_at: datetime


@dataclass(frozen=True)
class Match:
    """How alike a recording and a voiceprint are."""

    score: float
    llr: float | None  # None when no calibration was fitted for the encoder


@dataclass(frozen=True)
class Review:
    """What the enrollment coach says about one recording for one speaker."""

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
    already_enrolled: bool  # the same bytes were enrolled before: nothing changed
    cohesion: Match | None  # with the speaker's other utterances; None for the first
    similar_speaker: str | None  # id of another speaker with a voice like this one
    warnings: tuple[EnrollmentWarning, ...]


@dataclass(frozen=True)
class Figures:
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
    figures: Figures
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
    calibration: Literal["gallery", "default"]


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


@dataclass(frozen=True)
class Embedding:
    """One L2-normalized embedding; comparable only with others of the same fingerprint."""

    embedding: tuple[float, ...]
    dim: int
    encoder: str
    fingerprint: str
    speech: Speech


@dataclass(frozen=True)
class Readiness:
    ready: bool
    database: Literal["ok", "unavailable"]
    encoder: Literal["ok", "failing"]
    last_inference_age_s: float | None
    index_lag: int | None  # committed changes that the index does not show yet


@dataclass(frozen=True)
class Key:
    """An API key without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    galleries: tuple[str, ...]  # empty: every gallery
    created_at: datetime


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None = field(default=None)


def to_json(answer: object) -> Any:
    """An answer as plain JSON values: what the API sends and `--json` prints."""
    return _adapter(cast(Hashable, type(answer))).dump_python(answer, mode="json", by_alias=True)


@cache  # building an adapter takes hundreds of times longer than using it
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
