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

from __future__ import annotations

from speakerid.errors.audio import AudioError as AudioError
from speakerid.errors.audio import AudioTooLong as AudioTooLong
from speakerid.errors.audio import ClientGone as ClientGone
from speakerid.errors.audio import DecoderCrashed as DecoderCrashed
from speakerid.errors.audio import DecoderUnavailable as DecoderUnavailable
from speakerid.errors.audio import DecodingNeedsMemory as DecodingNeedsMemory
from speakerid.errors.audio import DecodingTooCostly as DecodingTooCostly
from speakerid.errors.audio import EmptyAudio as EmptyAudio
from speakerid.errors.audio import FileTooLarge as FileTooLarge
from speakerid.errors.audio import InvalidSamples as InvalidSamples
from speakerid.errors.audio import MalformedAudio as MalformedAudio
from speakerid.errors.audio import NoSamples as NoSamples
from speakerid.errors.audio import NoSuchChannel as NoSuchChannel
from speakerid.errors.audio import TooManyChannels as TooManyChannels
from speakerid.errors.audio import TruncatedAudio as TruncatedAudio
from speakerid.errors.audio import UnsupportedAudio as UnsupportedAudio
from speakerid.errors.base import BodyTooSlow as BodyTooSlow
from speakerid.errors.base import Denied as Denied
from speakerid.errors.base import InvalidHttp as InvalidHttp
from speakerid.errors.base import InvalidRequest as InvalidRequest
from speakerid.errors.base import KeyInvalid as KeyInvalid
from speakerid.errors.base import KeyMissing as KeyMissing
from speakerid.errors.base import LongWorkFull as LongWorkFull
from speakerid.errors.base import Overloaded as Overloaded
from speakerid.errors.base import RequestHeadTooLarge as RequestHeadTooLarge
from speakerid.errors.base import ScopeMissing as ScopeMissing
from speakerid.errors.base import SettingsError as SettingsError
from speakerid.errors.base import SpeakeridError as SpeakeridError
from speakerid.errors.base import TooManyWrongKeys as TooManyWrongKeys
from speakerid.errors.extras import ExtraMissing as ExtraMissing
from speakerid.errors.models import CalibrationMissing as CalibrationMissing
from speakerid.errors.models import CalibrationUnreadable as CalibrationUnreadable
from speakerid.errors.models import ConversionFailed as ConversionFailed
from speakerid.errors.models import EncoderError as EncoderError
from speakerid.errors.models import EncoderFailed as EncoderFailed
from speakerid.errors.models import EncoderInputInvalid as EncoderInputInvalid
from speakerid.errors.models import EncoderMismatch as EncoderMismatch
from speakerid.errors.models import EncoderNotFound as EncoderNotFound
from speakerid.errors.models import ModelDamaged as ModelDamaged
from speakerid.errors.models import ModelsDiskFull as ModelsDiskFull
from speakerid.errors.models import ModelsError as ModelsError
from speakerid.errors.models import ModelsFolderUnusable as ModelsFolderUnusable
from speakerid.errors.models import ModelsMissing as ModelsMissing
from speakerid.errors.models import PackageIndexUnreachable as PackageIndexUnreachable
from speakerid.errors.models import PackageNotFound as PackageNotFound
from speakerid.errors.models import PipMissing as PipMissing
from speakerid.errors.models import WrongHash as WrongHash
from speakerid.errors.recordings import MessageTooLarge as MessageTooLarge
from speakerid.errors.recordings import RecordingAbandoned as RecordingAbandoned
from speakerid.errors.recordings import RecordingEnded as RecordingEnded
from speakerid.errors.recordings import RecordingNotFound as RecordingNotFound
from speakerid.errors.recordings import RecordingNotReady as RecordingNotReady
from speakerid.errors.recordings import RecordingWithoutResult as RecordingWithoutResult
from speakerid.errors.recordings import StreamError as StreamError
from speakerid.errors.recordings import StreamIdle as StreamIdle
from speakerid.errors.recordings import StreamTooLong as StreamTooLong
from speakerid.errors.recordings import TooManyRecordings as TooManyRecordings
from speakerid.errors.recordings import WebhookRefused as WebhookRefused
from speakerid.errors.refusals import Clipped as Clipped
from speakerid.errors.refusals import DoesNotMatchSpeaker as DoesNotMatchSpeaker
from speakerid.errors.refusals import EnrollmentRefused as EnrollmentRefused
from speakerid.errors.refusals import MoreThanOneVoice as MoreThanOneVoice
from speakerid.errors.refusals import NotEnoughSpeech as NotEnoughSpeech
from speakerid.errors.refusals import Refusal as Refusal
from speakerid.errors.refusals import TooLittleSpeech as TooLittleSpeech
from speakerid.errors.refusals import VoiceAlreadyEnrolled as VoiceAlreadyEnrolled
from speakerid.errors.store import BackupFailed as BackupFailed
from speakerid.errors.store import ChangeNotFound as ChangeNotFound
from speakerid.errors.store import ClassesOverlap as ClassesOverlap
from speakerid.errors.store import Conflict as Conflict
from speakerid.errors.store import DataDamaged as DataDamaged
from speakerid.errors.store import DefaultGallery as DefaultGallery
from speakerid.errors.store import ExternalIdTaken as ExternalIdTaken
from speakerid.errors.store import FileMissing as FileMissing
from speakerid.errors.store import GalleryExists as GalleryExists
from speakerid.errors.store import GalleryNotFound as GalleryNotFound
from speakerid.errors.store import IdempotencyKeyInUse as IdempotencyKeyInUse
from speakerid.errors.store import IdempotencyKeyReused as IdempotencyKeyReused
from speakerid.errors.store import KeyNotFound as KeyNotFound
from speakerid.errors.store import KeysExist as KeysExist
from speakerid.errors.store import NotFound as NotFound
from speakerid.errors.store import NoVoiceprint as NoVoiceprint
from speakerid.errors.store import PreconditionFailed as PreconditionFailed
from speakerid.errors.store import SpeakerNotFound as SpeakerNotFound
from speakerid.errors.store import StoreError as StoreError
from speakerid.errors.store import StoreExists as StoreExists
from speakerid.errors.store import StoreInUse as StoreInUse
from speakerid.errors.store import StoreNewer as StoreNewer
from speakerid.errors.store import StoreSchemaUnknown as StoreSchemaUnknown
from speakerid.errors.store import StoreUnavailable as StoreUnavailable
from speakerid.errors.store import TooFewTrials as TooFewTrials
from speakerid.errors.store import UndoImpossible as UndoImpossible
from speakerid.errors.store import UnknownVoiceNotFound as UnknownVoiceNotFound
from speakerid.errors.store import UtteranceElsewhere as UtteranceElsewhere
from speakerid.errors.store import UtteranceNotFound as UtteranceNotFound
