"""The answers of speakerid, one frozen dataclass each: the same object from Python, the API and the command line.

`score` is raw cosine, `llr` the calibrated natural-log likelihood ratio, `probability` that it is this
speaker and not whoever else it most likely is: what is accepted has one half or more.
"""

from speakerid.types.calibration import (
    CalibrationReport,
    CurveStep,
    Estimate,
    GalleryOperatingPoint,
    Histogram,
    MeasuredCalibration,
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
from speakerid.types.health import (
    Audit,
    Change,
    Finding,
    FindingFigures,
    FindingKind,
    FindingReason,
    Repair,
    Suggestion,
)
from speakerid.types.speech import Speech
from speakerid.types.unknowns import Hearing, Promotion, UnknownVoice, UnknownVoiceDetails, UnknownVoiceTurn

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
    "Finding",
    "FindingFigures",
    "FindingKind",
    "FindingReason",
    "FloatArray",
    "Gallery",
    "GalleryCalibration",
    "GalleryOperatingPoint",
    "Hearing",
    "Histogram",
    "Identification",
    "Key",
    "Match",
    "MeasuredCalibration",
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
    "UnknownVoiceDetails",
    "UnknownVoiceTurn",
    "Utterance",
    "Verification",
    "VerifyDecision",
    "from_json",
    "to_json",
]
