"""What is not there, what is in the way, and the store itself."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError
from speakerid.names import quoted


class NotFound(SpeakeridError, code="not_found"): ...


class GalleryNotFound(NotFound, code="gallery_not_found"):
    def __init__(self, gallery: str) -> None:
        super().__init__(f"There is no gallery {quoted(gallery)}. Create it first, or check the name.")


class SpeakerNotFound(NotFound, code="speaker_not_found"):
    def __init__(self, speaker: str) -> None:
        super().__init__(f"There is no speaker {quoted(speaker)} in this gallery. List the speakers to see their ids.")


class UtteranceNotFound(NotFound, code="utterance_not_found"):
    def __init__(self, utterance: str) -> None:
        super().__init__(f"This speaker has no utterance {quoted(utterance)}. List the utterances to see their ids.")


class UnknownVoiceNotFound(NotFound, code="unknown_voice_not_found"):
    def __init__(self, unknown: str) -> None:
        super().__init__(
            f"There is no unknown voice {quoted(unknown)} in this gallery. It may have been promoted or dismissed: "
            "list the unknown voices to see their ids."
        )


class KeyNotFound(NotFound, code="key_not_found"):
    def __init__(self, key: str) -> None:
        super().__init__(f"There is no key {quoted(key)}. List the keys to see their ids.")


class ChangeNotFound(NotFound, code="change_not_found"):
    def __init__(self, change: str) -> None:
        super().__init__(
            "Nothing was merged, moved or split in this gallery that could be undone."
            if change == "last"
            else f"There is no change {quoted(change)} in this gallery. List its history to see what can be undone."
        )


class FileMissing(NotFound, code="file_missing"): ...


class Conflict(SpeakeridError, code="conflict"): ...


class GalleryExists(Conflict, code="gallery_exists"):
    def __init__(self, gallery: str) -> None:
        super().__init__(f"A gallery {quoted(gallery)} exists already. Use it, or choose another name.")


class KeysExist(Conflict, code="keys_exist"):
    def __init__(self) -> None:
        super().__init__("The store has keys. Revoke them all first: 'speakerid keys list' shows them.")


class ExternalIdTaken(Conflict, code="external_id_taken"):
    def __init__(self, speaker_id: str, name: str) -> None:
        super().__init__(
            f"Speaker {quoted(name)} ({speaker_id}) of this gallery has this external_id already. Use that speaker."
        )
        self.speaker_id = speaker_id


class SpeakerOptedOut(Conflict, code="speaker_opted_out"):
    def __init__(self, speaker_id: str, name: str) -> None:
        super().__init__(
            f"Speaker {quoted(name)} ({speaker_id}) opted out: nothing of their voice is enrolled any more. Only where "
            "they agree again, erase the speaker and begin anew; somebody else of this name needs an external_id."
        )
        self.speaker_id = speaker_id


class UtteranceElsewhere(Conflict, code="utterance_elsewhere"):
    def __init__(self, speaker_id: str, name: str) -> None:
        super().__init__(
            f"The very same recording is enrolled for speaker {quoted(name)} ({speaker_id}). "
            "Delete it there first, or send a recording of the right person."
        )
        self.speaker_id = speaker_id


class DefaultGallery(Conflict, code="default_gallery"):
    def __init__(self) -> None:
        super().__init__("The gallery 'default' always exists and cannot be deleted. Delete its speakers instead.")


class PreconditionFailed(Conflict, code="precondition_failed"):
    def __init__(self) -> None:
        super().__init__("It was changed since you read it (If-Match differs). Read it again, then send your change.")


class IdempotencyKeyReused(Conflict, code="idempotency_key_reused"):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Use a new key for a new request.")


class IdempotencyKeyInUse(Conflict, code="idempotency_key_in_use"):
    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key was running at the same time. Send it again for its answer."
        )


class DataDamaged(Conflict, code="data_damaged"):
    def __init__(self, what: str) -> None:
        super().__init__(
            f"The store has {what}, but it cannot be read any more. Delete it, or restore a backup; 'speakerid index "
            "verify' lists all that is damaged."
        )


class NoVoiceprint(Conflict, code="no_voiceprint"):
    def __init__(self, speaker: str) -> None:
        super().__init__(f"Speaker {quoted(speaker)} has no voiceprint to compare with. Enroll them first.")


class UndoImpossible(Conflict, code="undo_impossible"): ...


class TooFewTrials(Conflict, code="too_few_trials"):
    def __init__(self, speakers: int, needed_speakers: int, nontargets: int, needed_nontargets: int) -> None:
        super().__init__(
            f"Speakers of this gallery with two enrollment utterances or more: {speakers}, "
            f"{needed_speakers} are needed. "
            f"Comparisons of different speakers: {nontargets}, {needed_nontargets} are needed. "
            "Enroll more people, each in several recordings."
        )


class ClassesOverlap(Conflict, code="classes_overlap"):
    def __init__(self, eer: float) -> None:
        super().__init__(
            "Utterances of one speaker resemble each other hardly more than those of different speakers do (equal "
            f"error rate {100 * eer:.0f} %), so a calibration would say nothing. Check for recordings under a wrong "
            "name, and enroll longer and cleaner ones."
        )


class StoreError(SpeakeridError, code="store_error"): ...


class StoreUnavailable(StoreError, code="store_unavailable"): ...


class StoreBusy(StoreUnavailable, code="store_busy"):
    """Another process holds its lock for too long."""

    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__(
            f"Another process has locked the store for too long. Try again in {self.retry_after_s} s; if it stays so, "
            "look which program has the store open."
        )


class StoreReadOnly(StoreUnavailable, code="store_read_only"):
    def __init__(self, store: str, wanted: str = "Nothing was changed.") -> None:
        super().__init__(
            f"The store {store} can only be read here: its disk, its folder or the file itself is read-only for this "
            f"user. {wanted}"
        )


class StoreReplaced(StoreUnavailable, code="store_replaced"):
    """Of another file nothing is known, and what is written to the old one is lost with it."""

    def __init__(self) -> None:
        super().__init__(
            "The file of the store was removed or replaced while it was open, and nothing was kept. Put it back, or "
            "start anew on the other one."
        )


class PgvectorUnavailable(StoreUnavailable, code="pgvector_unavailable"):
    """PostgreSQL is to search a store, or does, and cannot."""


class StoreMissing(StoreError, code="store_missing"): ...


class NotOpen(StoreError, code="not_open"):
    """A SpeakerID after it was closed, or in another process than the one that opened it."""


class StoreNewer(StoreError, code="store_newer"): ...


class StoreSchemaUnknown(StoreError, code="store_schema_unknown"):
    """No version of this project made the store as it is: one of a branch, or a migration that was interfered with."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The store has {found}. Open it with the version that made it, or restore a backup with 'speakerid "
            "restore'. Nothing was changed."
        )


class StoreExists(StoreError, code="store_exists"): ...


class StoreInUse(StoreError, code="store_in_use"): ...


class BackupFailed(StoreError, code="backup_failed"): ...
