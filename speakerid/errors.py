"""Every error speakerid raises on purpose. Each leaf has a stable `code`; only `api/errors.py` knows HTTP statuses.

SpeakeridError
├── AudioError            the bytes or samples cannot be used as audio
│   ├── EmptyAudio · UnsupportedAudio · MalformedAudio · TruncatedAudio · NoSamples · InvalidSamples
│   └── TooManyChannels · NoSuchChannel · AudioTooLong · FileTooLarge
├── Refusal               good audio that does not allow what was asked
│   ├── NotEnoughSpeech   identify, verify, embeddings
│   └── EnrollmentRefused what the enrollment coach does not let pass
│       ├── TooLittleSpeech · Clipped · AudioTooNoisy · MoreThanOneVoice
│       └── DoesNotMatchSpeaker · VoiceAlreadyEnrolled
├── NotFound              GalleryNotFound · SpeakerNotFound · UtteranceNotFound · ChangeNotFound
│   └── …                 KeyNotFound · FileMissing
├── Conflict              GalleryExists · ExternalIdTaken · UtteranceElsewhere · DefaultGallery
│   └── …                 PreconditionFailed · IdempotencyKeyReused · IdempotencyKeyInUse
│   └── …                 NoVoiceprint · UndoImpossible
│   └── …                 TooFewTrials · ClassesOverlap: a gallery that cannot be calibrated
├── InvalidRequest        a field is missing, too long or of the wrong kind
├── Denied                KeyMissing · KeyInvalid · ScopeMissing
├── Overloaded            the encoder's queue is full: come back later
├── EncoderError          EncoderNotFound · EncoderMismatch · EncoderInputInvalid · EncoderFailed
│   └── …                 CalibrationMissing · CohortInvalid
├── StoreError            StoreUnavailable · StoreNewer
└── SettingsError         the operator's settings contradict each other
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from speakerid.types import Review


class SpeakeridError(Exception):
    """`str(error)` is a sentence for a person: what is wrong and what to do."""

    code: ClassVar[str] = "speakerid_error"

    @property
    def facts(self) -> dict[str, Any]:
        """What a program may want to know besides the sentence, as JSON values."""
        return {}


class AudioError(SpeakeridError):
    code = "audio_error"


class EmptyAudio(AudioError):
    code = "empty_audio"

    def __init__(self) -> None:
        super().__init__("The audio is empty (0 bytes). Send the bytes of one audio file.")


class UnsupportedAudio(AudioError):
    code = "unsupported_audio"


class MalformedAudio(AudioError):
    code = "malformed_audio"


class TruncatedAudio(AudioError):
    code = "truncated_audio"

    def __init__(self, found_s: float | None = None, declared_s: float | None = None) -> None:
        what = "The file ends in the middle of its audio"
        if found_s is not None and declared_s is not None:
            what = f"The file announces {declared_s:.2f} s of audio but holds only {found_s:.2f} s"
        super().__init__(f"{what}. Send the whole file again.")


class NoSamples(AudioError):
    code = "no_samples"

    def __init__(self) -> None:
        super().__init__("The file has an audio header but no samples. Record again and send the whole file.")


class InvalidSamples(AudioError):
    code = "invalid_samples"

    def __init__(self) -> None:
        super().__init__("The audio holds samples that are not numbers (NaN or infinite). Export it again.")


class TooManyChannels(AudioError):
    code = "too_many_channels"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"The audio has {found} channels; at most {limit} are accepted. Mix it down first.")


class NoSuchChannel(AudioError):
    code = "no_such_channel"

    def __init__(self, wanted: int, found: int) -> None:
        super().__init__(f"Channel {wanted} was asked for, but the audio has channels 0 to {found - 1}.")


class AudioTooLong(AudioError):
    code = "audio_too_long"

    def __init__(self, limit: str) -> None:
        super().__init__(f"The audio decodes to more than {limit}. Cut it into shorter pieces.")


class FileTooLarge(AudioError):
    code = "file_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes. Send a shorter or a compressed file.")


class Refusal(SpeakeridError):
    code = "refusal"


class NotEnoughSpeech(Refusal):
    code = "not_enough_speech"

    def __init__(self, found_s: float, needed_s: float) -> None:
        super().__init__(f"Found {found_s:.2f} s of speech, at least {needed_s:.2f} s are needed. Speak longer.")
        self.found_s = found_s
        self.needed_s = needed_s


class EnrollmentRefused(Refusal):
    """`review` says what was heard, and all that is refused; an error is named after the gravest."""

    code = "enrollment_refused"
    sentence: ClassVar[str] = "The recording is refused. Record again."

    def __init__(self, review: Review, *, final: bool = False) -> None:
        """`final`: it cannot be overridden."""
        codes = ",".join(review.refusals)
        way_out = "" if final else f" To enroll it all the same, repeat it with accept={codes}."
        super().__init__(self.sentence.format(review=review) + way_out)
        self.review = review

    @property
    def facts(self) -> dict[str, Any]:
        from speakerid.types import to_json  # pydantic: 0.2 s, which `speakerid --help` need not wait for

        return {"review": to_json(self.review)}


class TooLittleSpeech(EnrollmentRefused):
    code = "too_little_speech"
    sentence = (
        "Found {review.speech.seconds:.2f} s of speech, at least {review.needed_speech_seconds:.2f} s are needed. "
        "Speak longer."
    )


class Clipped(EnrollmentRefused):
    code = "clipped"
    sentence = "{review.speech.clipping_ratio:.0%} of the samples are cut off at full scale. Record at a lower level."


class AudioTooNoisy(EnrollmentRefused):
    code = "audio_too_noisy"
    sentence = (
        "The speech is only {review.speech.snr_db:.0f} dB above the noise, or it is no speech. "
        "Record in a quiet place, close to the microphone."
    )


class MoreThanOneVoice(EnrollmentRefused):
    code = "more_than_one_voice"
    sentence = "More than one voice is heard. Record the speaker alone."


class DoesNotMatchSpeaker(EnrollmentRefused):
    code = "does_not_match_speaker"
    sentence = "The voice is not like the one that is enrolled for this speaker. Check whose recording it is."


class VoiceAlreadyEnrolled(EnrollmentRefused):
    code = "voice_already_enrolled"
    sentence = "This voice is enrolled already: speaker {review.similar_speaker}. Use that speaker."

    @property
    def facts(self) -> dict[str, Any]:
        return super().facts | {"speaker_id": self.review.similar_speaker}


class NotFound(SpeakeridError):
    code = "not_found"


class GalleryNotFound(NotFound):
    code = "gallery_not_found"

    def __init__(self, gallery: str) -> None:
        super().__init__(f"There is no gallery {gallery!r}. Create it first, or check the name.")


class SpeakerNotFound(NotFound):
    code = "speaker_not_found"

    def __init__(self, speaker: str) -> None:
        super().__init__(f"There is no speaker {speaker!r} in this gallery. List the speakers to see their ids.")


class UtteranceNotFound(NotFound):
    code = "utterance_not_found"

    def __init__(self, utterance: str) -> None:
        super().__init__(f"This speaker has no utterance {utterance!r}. List the utterances to see their ids.")


class KeyNotFound(NotFound):
    code = "key_not_found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no key {key!r}. List the keys to see their ids.")


class ChangeNotFound(NotFound):
    code = "change_not_found"

    def __init__(self, change: str) -> None:
        super().__init__(f"There is no change {change!r} in this gallery. List its history to see what can be undone.")


class FileMissing(NotFound):
    code = "file_missing"


class Conflict(SpeakeridError):
    code = "conflict"


class GalleryExists(Conflict):
    code = "gallery_exists"

    def __init__(self, gallery: str) -> None:
        super().__init__(f"A gallery {gallery!r} exists already. Use it, or choose another name.")


class ExternalIdTaken(Conflict):
    code = "external_id_taken"

    def __init__(self, speaker_id: str) -> None:
        super().__init__(f"Speaker {speaker_id} of this gallery has this external_id already. Use that speaker.")
        self.speaker_id = speaker_id


class UtteranceElsewhere(Conflict):
    code = "utterance_elsewhere"

    def __init__(self, speaker_id: str) -> None:
        super().__init__(
            f"The very same recording is enrolled for speaker {speaker_id}. "
            "Delete it there first, or send a recording of the right person."
        )
        self.speaker_id = speaker_id


class DefaultGallery(Conflict):
    code = "default_gallery"

    def __init__(self) -> None:
        super().__init__("The gallery 'default' always exists and cannot be deleted. Delete its speakers instead.")


class PreconditionFailed(Conflict):
    code = "precondition_failed"

    def __init__(self) -> None:
        super().__init__("It was changed since you read it (If-Match differs). Read it again, then send your change.")


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Use a new key for a new request.")


class IdempotencyKeyInUse(Conflict):
    code = "idempotency_key_in_use"

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key was running at the same time. Send it again for its answer."
        )


class NoVoiceprint(Conflict):
    code = "no_voiceprint"

    def __init__(self, speaker: str) -> None:
        super().__init__(f"Speaker {speaker!r} has no enrollment utterance yet. Enroll one, then verify.")


class UndoImpossible(Conflict):
    code = "undo_impossible"


class TooFewTrials(Conflict):
    code = "too_few_trials"

    def __init__(self, speakers: int, needed_speakers: int, nontargets: int, needed_nontargets: int) -> None:
        super().__init__(
            f"{speakers} speakers of this gallery have two enrollment utterances or more, and {nontargets} comparisons "
            f"of different speakers can be made; a calibration needs {needed_speakers} such speakers and "
            f"{needed_nontargets} comparisons. Enroll more, each in several recordings."
        )


class ClassesOverlap(Conflict):
    code = "classes_overlap"

    def __init__(self, eer: float) -> None:
        super().__init__(
            "Utterances of one speaker resemble each other hardly more than those of different speakers do (equal "
            f"error rate {100 * eer:.0f} %), so a calibration would say nothing. Check for recordings under a wrong "
            "name, and enroll longer and cleaner ones."
        )


class InvalidRequest(SpeakeridError):
    code = "invalid_request"


class Denied(SpeakeridError):
    code = "denied"


class KeyMissing(Denied):
    code = "key_missing"

    def __init__(self) -> None:
        super().__init__("This server needs a key. Send it as 'Authorization: Bearer sid_…'.")


class KeyInvalid(Denied):
    code = "key_invalid"

    def __init__(self) -> None:
        super().__init__("The key is unknown or was revoked. Ask the operator for a new one.")


class ScopeMissing(Denied):
    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The key does not allow {scope!r} here. Ask the operator for a key with this scope.")


class Overloaded(SpeakeridError):
    code = "overloaded"

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__(f"The server is full. Try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class EncoderError(SpeakeridError):
    code = "encoder_error"


class EncoderNotFound(EncoderError):
    code = "encoder_not_found"


class EncoderMismatch(EncoderError):
    code = "encoder_mismatch"

    def __init__(self, gallery: str, made_with: str, running: str) -> None:
        super().__init__(
            f"Gallery {gallery!r} was enrolled with encoder {made_with}, but {running} is running. Their embeddings "
            "cannot be compared. Start with that encoder, or enroll into a new gallery."
        )


class EncoderInputInvalid(EncoderError):
    code = "encoder_input_invalid"


class EncoderFailed(EncoderError):
    code = "encoder_failed"


class CalibrationMissing(EncoderError):
    code = "calibration_missing"


class CohortInvalid(EncoderError):
    """The cohort file of AS-norm is missing, broken or another encoder's."""

    code = "cohort_invalid"


class StoreError(SpeakeridError):
    code = "store_error"


class StoreUnavailable(StoreError):
    code = "store_unavailable"


class StoreNewer(StoreError):
    code = "store_newer"


class SettingsError(SpeakeridError):
    code = "settings_error"
