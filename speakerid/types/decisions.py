"""Who speaks, and is it this one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from speakerid.types.classification import Classification
from speakerid.types.common import AudioWarning, Speech

Decision = Literal["accept", "unknown", "ambiguous", "not_enough_speech", "no_speakers"]
VerifyDecision = Literal["accept", "reject", "not_enough_speech"]
# Fitted on the gallery, fitted for its encoder, or a prior for any encoder.
CalibrationSource = Literal["gallery", "default", "generic"]


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

    # In JSON `source` is "from", which is no name in Python.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"alias_generator": {"llr": "llr", "source": "from"}.__getitem__}
    llr: float
    source: str


@dataclass(frozen=True)
class Identification:
    """Who speaks, out of one gallery (1:N, open set)."""

    decision: Decision
    speaker: SpeakerRef | None
    candidates: tuple[Candidate, ...]  # best first
    margin: float | None  # llr of the best minus llr of the second speaker
    threshold: Threshold | None
    prior: float  # probability, before listening, that a probe is of the speaker it is compared with
    speech: Speech
    encoder: str
    calibration: CalibrationSource
    reason: str  # one sentence for a person
    classes: tuple[Classification, ...] = ()  # of the classifiers that were asked as well, in their order
    warnings: tuple[AudioWarning, ...] = ()
    lost_seconds: float = 0.0


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
    warnings: tuple[AudioWarning, ...] = ()
    lost_seconds: float = 0.0
