"""What a live stream answers. Times are seconds of audio from its first sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speakerid.types.decisions import CalibrationSource, Decision, SpeakerRef, Threshold


@dataclass(frozen=True)
class Ready:
    """Audio may come."""

    gallery: str
    encoder: str
    calibration: CalibrationSource
    max_seconds: float
    type: Literal["ready"] = "ready"


@dataclass(frozen=True)
class LiveTurn:
    """One person speaks, or spoke. Each number is `final` once; until then newer events replace older ones."""

    turn: int
    final: bool
    start: float
    end: float
    voice: str  # a speaker's id, or `unknown_1`, `unknown_2`, …
    speaker: SpeakerRef | None
    decision: Decision  # on all of this voice's speech by now
    llr: float | None  # of the whole voice being this speaker; None where it has no name
    probability: float | None
    type: Literal["turn"] = "turn"


@dataclass(frozen=True)
class Enough:
    """More speech of this voice will hardly change the decision. Comes once for each voice."""

    voice: str
    speaker: SpeakerRef | None
    decision: Decision
    llr: float | None  # of the leading candidate, named or not
    probability: float | None
    threshold: Threshold | None
    speech_seconds: float  # of this voice, that it took
    at: float
    reason: str  # one sentence for a person
    type: Literal["enough"] = "enough"


@dataclass(frozen=True)
class SpottedWord:
    """A classifier is sure of a label; it comes once for each time that it is spoken."""

    classifier: str
    label: str
    score: float
    end: float  # of the window in which it was sure
    type: Literal["word"] = "word"


@dataclass(frozen=True)
class StreamVoice:
    """One voice of the whole stream, as known at its end; its turns may have been called otherwise before."""

    voice: str
    speaker: SpeakerRef | None
    decision: Decision
    llr: float | None
    probability: float | None
    speech_seconds: float
    turns: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class StreamDone:
    """Nothing follows."""

    seconds: float
    speech_seconds: float
    voices: tuple[StreamVoice, ...]  # in order of first appearance
    prior: float
    encoder: str
    calibration: CalibrationSource
    type: Literal["done"] = "done"


Event = Ready | LiveTurn | Enough | SpottedWord | StreamDone
