"""What an audit and a calibration of a gallery found, and its repairs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from speakerid.types.common import Speech
from speakerid.types.decisions import CalibrationSource, SpeakerRef
from speakerid.types.gallery import Speaker

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
    """What is wrong in a gallery, as far as its own embeddings show."""

    gallery: str
    speakers: int
    utterances: int
    findings: tuple[Finding, ...]
    encoder: str
    calibration: CalibrationSource
    next_cursor: str | None = None  # where to go on in a gallery that is too large for one answer


@dataclass(frozen=True)
class Change:
    """A merge, a move or a split in a gallery's history."""

    id: str
    kind: Literal["merge", "move", "split"]
    state: Literal["done", "undone", "erased"]  # erased: of a voice erased since, so that nothing is left but this
    speaker: SpeakerRef | None  # who was merged, or had the utterances before
    into: SpeakerRef | None  # who has them since; of a split a new speaker
    utterances: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class Repair:
    """What a merge, a move, a split or an undo did."""

    change: Change
    speakers: tuple[Speaker, ...]  # those it touched, as they are now
    summary: str


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval over resampled speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GalleryOperatingPoint:
    """What one `target_fpir` comes to in this gallery, at its size."""

    target_fpir: float
    threshold_llr: float
    fnir: Estimate  # share of the enrolled speakers' utterances that are not named
    fpir: Estimate  # share of strangers that are given a name


@dataclass(frozen=True)
class MeasuredCalibration:
    """One calibration on utterances of speakers that it was not fitted on."""

    cllr: Estimate  # bits lost: 0 for an oracle, 1 for no information
    points: tuple[GalleryOperatingPoint, ...]  # by rising target_fpir


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
