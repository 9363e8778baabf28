"""The answers of speakerid, one frozen dataclass each: the same object from Python, the API and the command line.

`score` is raw cosine, `llr` the calibrated natural-log likelihood ratio, `probability` that it is this
speaker and not whoever else it most likely is: what is accepted has one half or more.
"""

from speakerid.types.calibration import (
    CalibrationReport,
    CurveStep,
    Estimate,
    Histogram,
    MeasuredCalibration,
    OperatingPoint,
)
from speakerid.types.common import Embedding, FloatArray, Key, Page, Readiness, Scope, Span, T, from_json, to_json
from speakerid.types.decisions import (
    CalibrationSource,
    Candidate,
    Decision,
    Identification,
    SpeakerRef,
    Threshold,
    Verification,
    VerifyDecision,
)
from speakerid.types.enrollment import Enrollment, EnrollmentWarning, Match, Review
from speakerid.types.gallery import (
    Combining,
    EnrollmentRefusal,
    Gallery,
    GalleryCalibration,
    Speaker,
    Utterance,
)
from speakerid.types.health import Audit, Change, Figures, Finding, FindingKind, FindingReason, Repair, Suggestion
from speakerid.types.speech import Speech
from speakerid.types.unknowns import HeardTurn, Hearing, Promotion, UnknownVoice, UnknownVoiceHeard

__all__ = [
    "Audit",
    "CalibrationReport",
    "CalibrationSource",
    "Candidate",
    "Change",
    "Combining",
    "CurveStep",
    "Decision",
    "Embedding",
    "Enrollment",
    "EnrollmentRefusal",
    "EnrollmentWarning",
    "Estimate",
    "Figures",
    "Finding",
    "FindingKind",
    "FindingReason",
    "FloatArray",
    "Gallery",
    "GalleryCalibration",
    "HeardTurn",
    "Hearing",
    "Histogram",
    "Identification",
    "Key",
    "Match",
    "MeasuredCalibration",
    "OperatingPoint",
    "Page",
    "Promotion",
    "Readiness",
    "Repair",
    "Review",
    "Scope",
    "Span",
    "Speaker",
    "SpeakerRef",
    "Speech",
    "Suggestion",
    "T",
    "Threshold",
    "UnknownVoice",
    "UnknownVoiceHeard",
    "Utterance",
    "Verification",
    "VerifyDecision",
    "from_json",
    "to_json",
]
