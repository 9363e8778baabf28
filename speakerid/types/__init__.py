"""The answers of speakerid, one frozen dataclass each: the same object from Python, the API and the command line.

`score` is raw cosine, `llr` the calibrated natural-log likelihood ratio, `probability` that it is this
speaker and not whoever else it most likely is: what is accepted has one half or more.
"""

from __future__ import annotations

from speakerid.types.common import Embedding as Embedding
from speakerid.types.common import FloatArray as FloatArray
from speakerid.types.common import Key as Key
from speakerid.types.common import Page as Page
from speakerid.types.common import Readiness as Readiness
from speakerid.types.common import Scope as Scope
from speakerid.types.common import Span as Span
from speakerid.types.common import Speech as Speech
from speakerid.types.common import T as T
from speakerid.types.common import from_json as from_json
from speakerid.types.common import to_json as to_json
from speakerid.types.decisions import CalibrationSource as CalibrationSource
from speakerid.types.decisions import Candidate as Candidate
from speakerid.types.decisions import Decision as Decision
from speakerid.types.decisions import Identification as Identification
from speakerid.types.decisions import SpeakerRef as SpeakerRef
from speakerid.types.decisions import Threshold as Threshold
from speakerid.types.decisions import Verification as Verification
from speakerid.types.decisions import VerifyDecision as VerifyDecision
from speakerid.types.gallery import Combining as Combining
from speakerid.types.gallery import Enrollment as Enrollment
from speakerid.types.gallery import EnrollmentRefusal as EnrollmentRefusal
from speakerid.types.gallery import EnrollmentWarning as EnrollmentWarning
from speakerid.types.gallery import Gallery as Gallery
from speakerid.types.gallery import GalleryCalibration as GalleryCalibration
from speakerid.types.gallery import Match as Match
from speakerid.types.gallery import Review as Review
from speakerid.types.gallery import Speaker as Speaker
from speakerid.types.gallery import Utterance as Utterance
from speakerid.types.health import Audit as Audit
from speakerid.types.health import CalibrationReport as CalibrationReport
from speakerid.types.health import Change as Change
from speakerid.types.health import CurveStep as CurveStep
from speakerid.types.health import Estimate as Estimate
from speakerid.types.health import Finding as Finding
from speakerid.types.health import FindingFigures as FindingFigures
from speakerid.types.health import FindingKind as FindingKind
from speakerid.types.health import FindingReason as FindingReason
from speakerid.types.health import GalleryOperatingPoint as GalleryOperatingPoint
from speakerid.types.health import Histogram as Histogram
from speakerid.types.health import MeasuredCalibration as MeasuredCalibration
from speakerid.types.health import Repair as Repair
from speakerid.types.health import Suggestion as Suggestion
from speakerid.types.live import Enough as Enough
from speakerid.types.live import Event as Event
from speakerid.types.live import LiveTurn as LiveTurn
from speakerid.types.live import Ready as Ready
from speakerid.types.live import StreamDone as StreamDone
from speakerid.types.live import StreamVoice as StreamVoice
from speakerid.types.recordings import Hearing as Hearing
from speakerid.types.recordings import JobError as JobError
from speakerid.types.recordings import JobOptions as JobOptions
from speakerid.types.recordings import JobStage as JobStage
from speakerid.types.recordings import JobState as JobState
from speakerid.types.recordings import Promotion as Promotion
from speakerid.types.recordings import RecordedVoice as RecordedVoice
from speakerid.types.recordings import Recording as Recording
from speakerid.types.recordings import RecordingJob as RecordingJob
from speakerid.types.recordings import RecordingResult as RecordingResult
from speakerid.types.recordings import Sides as Sides
from speakerid.types.recordings import Turn as Turn
from speakerid.types.recordings import UnknownVoice as UnknownVoice
from speakerid.types.recordings import UnknownVoiceDetails as UnknownVoiceDetails
from speakerid.types.recordings import UnknownVoiceTurn as UnknownVoiceTurn
