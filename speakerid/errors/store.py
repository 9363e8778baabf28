"""What is not there, what is in the way, and the store itself."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


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


class UnknownVoiceNotFound(NotFound):
    code = "unknown_voice_not_found"

    def __init__(self, unknown: str) -> None:
        super().__init__(
            f"There is no unknown voice {unknown!r} in this gallery. It may have been promoted or dismissed: list the "
            "unknown voices to see their ids."
        )


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


class KeysExist(Conflict):
    code = "keys_exist"

    def __init__(self) -> None:
        super().__init__("The store has keys. Revoke them all first: 'speakerid keys list' shows them.")


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


class DataDamaged(Conflict):
    code = "data_damaged"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The store has {what}, but it cannot be read any more. Delete it, or restore a backup; 'speakerid index "
            "verify' lists all that is damaged."
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


class StoreError(SpeakeridError):
    code = "store_error"


class StoreUnavailable(StoreError):
    code = "store_unavailable"


class StoreNewer(StoreError):
    code = "store_newer"


class StoreSchemaUnknown(StoreError):
    """No version of this project made the store as it is: one of a branch, or a migration that was interfered with."""

    code = "store_schema_unknown"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The store has {found}. Open it with the version that made it, or restore a backup with 'speakerid "
            "restore'. Nothing was changed."
        )


class StoreExists(StoreError):
    code = "store_exists"


class StoreInUse(StoreError):
    code = "store_in_use"


class BackupFailed(StoreError):
    code = "backup_failed"
