"""Every error speakerid raises on purpose. Each leaf has a stable `code`; only `api/errors.py` knows HTTP statuses.

SpeakeridError
├── AudioError            the bytes or samples cannot be used as audio
│   ├── EmptyAudio · UnsupportedAudio · MalformedAudio · TruncatedAudio · NoSamples · InvalidSamples
│   ├── TooManyChannels · NoSuchChannel · AudioTooLong · FileTooLarge
│   └── DecodingTooCostly · DecodingNeedsMemory · DecoderKilled · DecoderCrashed
├── DecoderUnavailable    no process can be started to decode in
├── ClientGone            its caller no longer waits for the answer
├── Refusal               good audio that does not allow what was asked
│   ├── NotEnoughSpeech   identify, verify, embeddings
│   └── EnrollmentRefused what the enrollment coach does not let pass
│       ├── TooLittleSpeech · Clipped · MoreThanOneVoice
│       └── DoesNotMatchSpeaker · VoiceAlreadyEnrolled
├── NotFound              GalleryNotFound · SpeakerNotFound · UtteranceNotFound · ChangeNotFound
│   └── …                 KeyNotFound · FileMissing · RecordingNotFound · UnknownVoiceNotFound · VoiceNotFound
│   └── …                 RecordingAudioNotKept · ReembeddingNotFound
├── Conflict              GalleryExists · ExternalIdTaken · UtteranceElsewhere · DefaultGallery
│   └── …                 PreconditionFailed · IdempotencyKeyReused · IdempotencyKeyInUse · KeysExist
│   └── …                 NoVoiceprint · UndoImpossible · DataDamaged · SpeakerOptedOut
│   └── …                 TooFewTrials · ClassesOverlap: a gallery that cannot be calibrated
│   └── …                 RecordingNotReady · RecordingWithoutResult · RecordingEnded · RecordingAbandoned
│   └── …                 VoiceNotKept · SameEncoder · AudioNotKept · AudioUnusable
│   └── …                 ReembeddingRunning · ReembeddingEnded · ReembeddingAbandoned · ReembeddingFailed
├── InvalidRequest        a field is missing, too long or of the wrong kind
│   ├── InvalidTag · AmbiguousName · EncoderNotServed
│   └── WebhookRefused · FetchRefused · FetchFailed · TranscriptionRefused · TranscriberMissing
├── BodyTooSlow           it stopped coming, or nearly
├── InvalidHttp           the bytes are no request
├── ContentEncodingUnsupported  its body is compressed
├── WebSocketExpected     a plain request for a live stream
├── RequestHeadTooLarge   its address or headers are too long
├── Denied                KeyMissing · KeyInvalid · KeyExpired · ScopeMissing · KeyOutlives · FirstKeyAtStore
│   └── …                 AudioBeyondQuota
├── Overloaded            the server, or your share of it, is full: come back later
│   └── TooManyRecordings · TooManyWrongKeys · KeyRateReached · KeyQuotaReached · LongWorkFull
├── StreamError           StreamIdle · StreamTooLong · MessageTooLarge · MessagesTooSmall
├── EncoderError          EncoderNotFound · EncoderMismatch · EncoderInputInvalid · EncoderFailed
│   └── …                 EncoderWorkerLost · ServiceStopping · EncoderWorkersFailed
│   └── …                 CalibrationMissing · CalibrationUnreadable
├── ModelsError           PackageIndexUnreachable · PackageNotFound · PipMissing · WrongHash · ModelDamaged
│   └── …                 ModelsDiskFull · ModelsFolderUnusable · ModelsMissing · ConversionFailed · TranscriberUnusable
├── ClassifierError       ClassifierNotFound · ClassifierUnreadable · ClassifierFailed · BackboneNotFound
│   ├── …                 ClassifierCodeNotAllowed · ClassifierNameUnusable: of models from elsewhere
│   └── …                 MaterialUnusable · MaterialTooLittle: what one is to be trained on
├── GalleryFileError      GalleryFileExists · GalleryFileUnwritable · GalleryFileDamaged · GalleryTaken
│   └── …                 GalleryFileNewer · GalleryFileOtherEncoder: a gallery that moves house
├── StoreError            StoreMissing · StoreNewer · StoreSchemaUnknown · NotOpen
│   ├── StoreUnavailable  StoreBusy · StoreReadOnly · StoreReplaced · EncryptionChanged · PgvectorUnavailable
│   ├── MasterKeyError    MasterKeyMissing · MasterKeyWrong · MasterKeyMalformed · MasterKeyUnreadable
│   │   └── …             MasterKeyFileExists · MasterKeyUnwritable · StoreNotEncrypted · EncryptionUnfinished
│   ├── NotSealed         a bug: a secret would have been written as it is
│   └── …                 StoreExists · StoreInUse · BackupFailed: backup and restore
├── ExtraMissing          an optional library is not installed
├── ClusterFailed         a Ray cluster cannot be reached, or its workers cannot work
└── SettingsError         the operator's settings contradict each other
"""

from __future__ import annotations

from speakerid.errors.audio import *  # noqa: F403  # the tree above names them
from speakerid.errors.base import *  # noqa: F403  # the tree above names them
from speakerid.errors.classification import *  # noqa: F403  # the tree above names them
from speakerid.errors.encryption import *  # noqa: F403  # the tree above names them
from speakerid.errors.extras import *  # noqa: F403  # the tree above names them
from speakerid.errors.models import *  # noqa: F403  # the tree above names them
from speakerid.errors.moving import *  # noqa: F403  # the tree above names them
from speakerid.errors.recordings import *  # noqa: F403  # the tree above names them
from speakerid.errors.refusals import *  # noqa: F403  # the tree above names them
from speakerid.errors.store import *  # noqa: F403  # the tree above names them
from speakerid.errors.transcription import *  # noqa: F403  # the tree above names them
