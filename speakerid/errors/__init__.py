"""Every error speakerid raises on purpose. Each leaf has a stable `code`; only `api/errors.py` knows HTTP statuses.

SpeakeridError
├── AudioError            the bytes or samples cannot be used as audio
│   ├── EmptyAudio · UnsupportedAudio · MalformedAudio · TruncatedAudio · NoSamples · InvalidSamples
│   ├── TooManyChannels · NoSuchChannel · AudioTooLong · FileTooLarge
│   └── DecodingTooCostly · DecodingNeedsMemory · DecoderCrashed
├── DecoderUnavailable    no process can be started to decode in
├── ClientGone            its caller no longer waits for the answer
├── Refusal               good audio that does not allow what was asked
│   ├── NotEnoughSpeech   identify, verify, embeddings
│   └── EnrollmentRefused what the enrollment coach does not let pass
│       ├── TooLittleSpeech · Clipped · MoreThanOneVoice
│       └── DoesNotMatchSpeaker · VoiceAlreadyEnrolled
├── NotFound              GalleryNotFound · SpeakerNotFound · UtteranceNotFound · ChangeNotFound
│   └── …                 KeyNotFound · FileMissing · RecordingNotFound · UnknownVoiceNotFound
├── Conflict              GalleryExists · ExternalIdTaken · UtteranceElsewhere · DefaultGallery
│   └── …                 PreconditionFailed · IdempotencyKeyReused · IdempotencyKeyInUse · KeysExist
│   └── …                 NoVoiceprint · UndoImpossible · DataDamaged
│   └── …                 TooFewTrials · ClassesOverlap: a gallery that cannot be calibrated
│   └── …                 RecordingNotReady · RecordingWithoutResult · RecordingEnded · RecordingAbandoned
├── InvalidRequest        a field is missing, too long or of the wrong kind
│   └── WebhookRefused
├── BodyTooSlow           it stopped coming, or nearly
├── InvalidHttp           the bytes are no request
├── RequestHeadTooLarge   its address or headers are too long
├── Denied                KeyMissing · KeyInvalid · ScopeMissing
├── Overloaded            the server, or your share of it, is full: come back later
│   └── TooManyRecordings · TooManyWrongKeys · LongWorkFull
├── StreamError           StreamIdle · StreamTooLong · MessageTooLarge
├── EncoderError          EncoderNotFound · EncoderMismatch · EncoderInputInvalid · EncoderFailed
│   └── …                 CalibrationMissing · CalibrationUnreadable
├── ModelsError           PackageIndexUnreachable · PackageNotFound · PipMissing · WrongHash · ModelDamaged
│   └── …                 ModelsDiskFull · ModelsFolderUnusable · ModelsMissing · ConversionFailed
├── StoreError            StoreUnavailable · StoreNewer · StoreSchemaUnknown
│   └── …                 StoreExists · StoreInUse · BackupFailed: backup and restore
├── ExtraMissing          an optional library is not installed
└── SettingsError         the operator's settings contradict each other
"""

from speakerid.errors.access import Denied, KeyInvalid, KeyMissing, ScopeMissing, TooManyWrongKeys
from speakerid.errors.audio import (
    AudioError,
    AudioTooLong,
    ClientGone,
    DecoderCrashed,
    DecoderUnavailable,
    DecodingNeedsMemory,
    DecodingTooCostly,
    EmptyAudio,
    FileTooLarge,
    InvalidSamples,
    MalformedAudio,
    NoSamples,
    NoSuchChannel,
    TooManyChannels,
    TruncatedAudio,
    UnsupportedAudio,
)
from speakerid.errors.base import (
    BodyTooSlow,
    InvalidHttp,
    InvalidRequest,
    LongWorkFull,
    Overloaded,
    RequestHeadTooLarge,
    SettingsError,
    SpeakeridError,
)
from speakerid.errors.encoders import (
    CalibrationMissing,
    CalibrationUnreadable,
    EncoderError,
    EncoderFailed,
    EncoderInputInvalid,
    EncoderMismatch,
    EncoderNotFound,
)
from speakerid.errors.extras import ExtraMissing
from speakerid.errors.live import MessageTooLarge, StreamError, StreamIdle, StreamTooLong
from speakerid.errors.models import (
    ConversionFailed,
    ModelDamaged,
    ModelsDiskFull,
    ModelsError,
    ModelsFolderUnusable,
    ModelsMissing,
    PackageIndexUnreachable,
    PackageNotFound,
    PipMissing,
    WrongHash,
)
from speakerid.errors.recordings import (
    RecordingAbandoned,
    RecordingEnded,
    RecordingNotFound,
    RecordingNotReady,
    RecordingWithoutResult,
    TooManyRecordings,
    WebhookRefused,
)
from speakerid.errors.refusals import (
    Clipped,
    DoesNotMatchSpeaker,
    EnrollmentRefused,
    MoreThanOneVoice,
    NotEnoughSpeech,
    Refusal,
    TooLittleSpeech,
    VoiceAlreadyEnrolled,
)
from speakerid.errors.store import (
    BackupFailed,
    ChangeNotFound,
    ClassesOverlap,
    Conflict,
    DataDamaged,
    DefaultGallery,
    ExternalIdTaken,
    FileMissing,
    GalleryExists,
    GalleryNotFound,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    KeyNotFound,
    KeysExist,
    NotFound,
    NoVoiceprint,
    PreconditionFailed,
    SpeakerNotFound,
    StoreError,
    StoreExists,
    StoreInUse,
    StoreNewer,
    StoreSchemaUnknown,
    StoreUnavailable,
    TooFewTrials,
    UndoImpossible,
    UnknownVoiceNotFound,
    UtteranceElsewhere,
    UtteranceNotFound,
)

__all__ = [
    "AudioError",
    "AudioTooLong",
    "BackupFailed",
    "BodyTooSlow",
    "CalibrationMissing",
    "CalibrationUnreadable",
    "ChangeNotFound",
    "ClassesOverlap",
    "ClientGone",
    "Clipped",
    "Conflict",
    "ConversionFailed",
    "DataDamaged",
    "DecoderCrashed",
    "DecoderUnavailable",
    "DecodingNeedsMemory",
    "DecodingTooCostly",
    "DefaultGallery",
    "Denied",
    "DoesNotMatchSpeaker",
    "EmptyAudio",
    "EncoderError",
    "EncoderFailed",
    "EncoderInputInvalid",
    "EncoderMismatch",
    "EncoderNotFound",
    "EnrollmentRefused",
    "ExternalIdTaken",
    "ExtraMissing",
    "FileMissing",
    "FileTooLarge",
    "GalleryExists",
    "GalleryNotFound",
    "IdempotencyKeyInUse",
    "IdempotencyKeyReused",
    "InvalidHttp",
    "InvalidRequest",
    "InvalidSamples",
    "KeyInvalid",
    "KeyMissing",
    "KeyNotFound",
    "KeysExist",
    "LongWorkFull",
    "MalformedAudio",
    "MessageTooLarge",
    "ModelDamaged",
    "ModelsDiskFull",
    "ModelsError",
    "ModelsFolderUnusable",
    "ModelsMissing",
    "MoreThanOneVoice",
    "NoSamples",
    "NoSuchChannel",
    "NoVoiceprint",
    "NotEnoughSpeech",
    "NotFound",
    "Overloaded",
    "PackageIndexUnreachable",
    "PackageNotFound",
    "PipMissing",
    "PreconditionFailed",
    "RecordingAbandoned",
    "RecordingEnded",
    "RecordingNotFound",
    "RecordingNotReady",
    "RecordingWithoutResult",
    "Refusal",
    "RequestHeadTooLarge",
    "ScopeMissing",
    "SettingsError",
    "SpeakerNotFound",
    "SpeakeridError",
    "StoreError",
    "StoreExists",
    "StoreInUse",
    "StoreNewer",
    "StoreSchemaUnknown",
    "StoreUnavailable",
    "StreamError",
    "StreamIdle",
    "StreamTooLong",
    "TooFewTrials",
    "TooLittleSpeech",
    "TooManyChannels",
    "TooManyRecordings",
    "TooManyWrongKeys",
    "TruncatedAudio",
    "UndoImpossible",
    "UnknownVoiceNotFound",
    "UnsupportedAudio",
    "UtteranceElsewhere",
    "UtteranceNotFound",
    "VoiceAlreadyEnrolled",
    "WebhookRefused",
    "WrongHash",
]
