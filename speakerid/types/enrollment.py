"""What enrolling did, and why it did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speakerid.types.gallery import EnrollmentRefusal, Speaker, Utterance
from speakerid.types.speech import Speech

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
class Match:
    """How alike a recording and a voiceprint are."""

    score: float
    llr: float


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
