"""The tables. SQL is the truth: an embedding lives in the row that owns it, beside the fingerprint of its encoder."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, LargeBinary, String, UniqueConstraint, event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column, relationship, validates

from speakerid.db.sealing import SEALED_COPY
from speakerid.db.types import (
    Digest,
    Json,
    Key,
    Lookup,
    SealedBytes,
    SealedJson,
    SealedText,
    UtcDateTime,
    Vector,
    keyring_of,
    now,
    time_of,
)
from speakerid.names import KEY_LENGTH, NAME_LENGTH, name_key
from speakerid.types import Combining, FloatArray

GALLERY_LENGTH = 64
TAG_LENGTH = 64
# A key is never used twice, not even after its row was erased: the vector index and the change log go by it.
NEVER_REUSED = {"sqlite_autoincrement": True}
RecordingState = Literal["receiving", "queued", "running", "done", "failed", "cancelled"]


class Base(DeclarativeBase):
    pass


def sealed_copy(column: str) -> Mapped[str | None]:
    """Beside the `Lookup` of this name, where the store is encrypted; it is never read by itself."""
    return deferred(mapped_column(SealedText(f"{column}{SEALED_COPY}"), default=None))


class GalleryRow(Base):
    __tablename__ = "galleries"
    __table_args__ = NEVER_REUSED

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(GALLERY_LENGTH), unique=True)
    encoder_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    target_fpir: Mapped[float]
    min_speech_s: Mapped[float]
    enroll_speech_s: Mapped[float]
    keep_audio: Mapped[bool]
    combining: Mapped[Combining] = mapped_column(String(16), default="mean", server_default="mean")
    keep_unknown_voices: Mapped[bool] = mapped_column(default=False)
    # Fitted on the gallery itself (services/judge.py); NULL: the encoder's default is used.
    calibration: Mapped[dict[str, Any] | None] = mapped_column(Json(dict, none_as_null=True), default=None)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    version: Mapped[int] = mapped_column(default=1)


@event.listens_for(GalleryRow, "after_insert")
def _give_key(_mapper: object, connection: Connection, gallery: GalleryRow) -> None:
    """In an encrypted store each gallery has its own."""
    if (keyring := keyring_of(connection.dialect)) is not None:
        keyring.add(connection, gallery.key)


class SpeakerRow(Base):
    """`key` is what the vector index stores; `id` is what the world sees."""

    __tablename__ = "speakers"
    __table_args__ = (
        UniqueConstraint("gallery_key", "external_id"),
        Index("ix_speakers_gallery_id", "gallery_key", "id"),
        Index("ix_speakers_gallery_name", "gallery_key", "name_key", "id"),
        NEVER_REUSED,
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(SealedText("speakers.name", NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(Digest("speakers.name_key", KEY_LENGTH), server_default="")  # for look-ups
    external_id: Mapped[str | None] = mapped_column(Lookup("speakers.external_id", NAME_LENGTH))
    external_id_sealed: Mapped[str | None] = sealed_copy("speakers.external_id")
    details: Mapped[dict[str, Any]] = mapped_column("metadata", SealedJson("speakers.metadata", dict), default=dict)
    consent: Mapped[dict[str, Any]] = mapped_column(SealedJson("speakers.consent", dict), default=dict)
    consent_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # what `consent` says of it
    opted_out_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # nothing of a voice is here then
    voiceprint: Mapped[FloatArray | None] = mapped_column(Vector("speakers.voiceprint"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    version: Mapped[int] = mapped_column(default=1)
    tag_rows: Mapped[list[SpeakerTagRow]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @validates("consent")
    def _ended(self, _: str, consent: dict[str, Any]) -> dict[str, Any]:
        self.consent_expires_at = time_of(consent.get("expires_at"))
        return consent

    @validates("name")
    def _keyed(self, _: str, name: str) -> str:
        self.name_key = name_key(name)
        return name


class SpeakerTagRow(Base):
    """A word by which speakers are picked (docs/decisions/0041). Plain text, also where names are not."""

    __tablename__ = "speaker_tags"
    __table_args__ = (Index("ix_speaker_tags_gallery_tag", "gallery_key", "tag", "speaker_key"),)

    speaker_key: Mapped[int] = mapped_column(ForeignKey("speakers.key", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(TAG_LENGTH), primary_key=True)
    gallery_key: Mapped[int] = mapped_column(Key)  # the speaker's, so that an index has both


class UtteranceRow(Base):
    __tablename__ = "utterances"
    __table_args__ = (UniqueConstraint("gallery_key", "sha256"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    speaker_key: Mapped[int] = mapped_column(ForeignKey("speakers.key", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(Lookup("utterances.sha256", 64))
    sha256_sealed: Mapped[str | None] = sealed_copy("utterances.sha256")
    speech_s: Mapped[float]
    snr_db: Mapped[float | None]
    clipping_ratio: Mapped[float]
    bandwidth_hz: Mapped[int]
    voices: Mapped[int | None]
    accepted: Mapped[list[str]] = mapped_column(Json(list), default=list)  # refusals of the coach that were overridden
    # What is the same however a take is encoded (audio/fingerprint.py); NULL where it was enrolled from no file.
    fingerprint: Mapped[bytes | None] = deferred(mapped_column(SealedBytes("utterances.fingerprint"), default=None))
    embedding: Mapped[FloatArray] = mapped_column(Vector("utterances.embedding"))
    encoder_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    # Only where the gallery keeps audio.
    audio: Mapped[bytes | None] = deferred(mapped_column(SealedBytes("utterances.audio"), default=None))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class EncryptionRow(Base):
    """There, at most once, where the store is encrypted, or is about to be (db/encrypting.py)."""

    __tablename__ = "encryption"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    master_id: Mapped[str] = mapped_column(String(16))  # which master key it is
    unfinished: Mapped[list[Any] | None] = mapped_column(Json(list, none_as_null=True))  # how far it is; NULL: done


class GalleryKeyRow(Base):
    """What a gallery's values are sealed with, wrapped by the master key. Goes with the gallery."""

    __tablename__ = "gallery_keys"

    gallery_key: Mapped[int] = mapped_column(
        ForeignKey("galleries.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class IndexChangeRow(Base):
    """ "The voiceprint of this speaker changed." Written in the transaction that changed it.

    Which speaker, never what: whoever applies it reads the row, so applying twice or late does no harm.
    """

    __tablename__ = "index_changes"
    __table_args__ = (
        Index("ix_index_changes_gallery_id", "gallery_key", "id"),
        Index("ix_index_changes_gallery_txid", "gallery_key", "txid"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    # Only PostgreSQL fills it: there, sequence order is not commit order.
    txid: Mapped[int] = mapped_column(Key, server_default=text("0"))
    gallery_key: Mapped[int] = mapped_column(Key)  # no foreign key: outlives the gallery
    speaker_key: Mapped[int] = mapped_column(Key)


class ErasureRow(Base):
    """An erasure that may have left something in the files of a SQLite store (db/erasure.py)."""

    __tablename__ = "erasures"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    page: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # pages gone through since


class RepairRow(Base):
    """A merge, a move or a split, and what undoing it needs. Emptied when a speaker or utterance of it is erased."""

    __tablename__ = "repairs"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"), index=True)
    kind: Mapped[Literal["merge", "move", "split"]] = mapped_column(String(16))
    state: Mapped[Literal["done", "undone", "erased"]] = mapped_column(String(16), default="done")
    speaker_id: Mapped[str | None] = mapped_column(String(40))  # who was merged, or had the utterance before
    into_id: Mapped[str | None] = mapped_column(String(40))
    utterance_ids: Mapped[list[str]] = mapped_column(Json(list))
    merged: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("repairs.merged", dict, none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Queued:
    """A row that is a job: how far it is, and its place in the queue (docs/decisions/0014)."""

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    state: Mapped[RecordingState] = mapped_column(String(16))
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    error_code: Mapped[str | None] = mapped_column(String(64), default=None)
    error_detail: Mapped[str | None]
    worker: Mapped[str | None] = mapped_column(String(64), default=None)  # who works on it, or receives it
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # until then nobody else may
    attempts: Mapped[int] = mapped_column(default=0)  # of `recordings.ATTEMPTS`
    cancelling: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class RecordingRow(Queued, Base):
    """One recording to be gone through. `answer` names speakers by id only: names are looked up when it is read."""

    __tablename__ = "recordings"
    __table_args__ = (
        Index("ix_recordings_gallery_id", "gallery_key", "id"),
        Index("ix_recordings_state", "state", "lease_until"),
        NEVER_REUSED,
    )

    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    key_id: Mapped[str | None] = mapped_column(String(40), index=True)  # whose API key sent it; no foreign key
    name: Mapped[str | None] = mapped_column(SealedText("recordings.name", NAME_LENGTH), default=None)  # or the file's
    stage: Mapped[str | None] = mapped_column(String(32), default=None)
    options: Mapped[dict[str, Any]] = mapped_column(Json(dict))
    answer: Mapped[dict[str, Any] | None] = deferred(
        mapped_column(SealedJson("recordings.answer", dict, none_as_null=True), default=None)
    )
    error_detail: Mapped[str | None] = mapped_column(SealedText("recordings.error_detail"), default=None)
    webhook: Mapped[str | None] = mapped_column(SealedText("recordings.webhook"), default=None)
    webhook_tries: Mapped[int] = mapped_column(default=0)
    webhook_due: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None, index=True)  # NULL: nothing to send
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of audio
    sha256: Mapped[str | None] = mapped_column(SealedText("recordings.sha256", 64), default=None)  # of all the bytes
    counted_s: Mapped[float] = mapped_column(default=0.0, server_default=text("0"))  # for the key's quota, by then


class RecordingPieceRow(Base):
    """The audio of a recording, about 1 MiB a row, until the job ended (longer where the gallery keeps audio)."""

    __tablename__ = "recording_pieces"

    recording_key: Mapped[int] = mapped_column(ForeignKey("recordings.key", ondelete="CASCADE"), primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bytes: Mapped[bytes] = mapped_column(SealedBytes("recording_pieces.bytes"))


class ReembeddingRow(Queued, Base):
    """A gallery on its way to another encoder (docs/decisions/0038)."""

    __tablename__ = "reembeddings"
    __table_args__ = (Index("ix_reembeddings_gallery", "gallery_key", "key"), NEVER_REUSED)

    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    from_encoder: Mapped[str] = mapped_column(String(NAME_LENGTH + 20))  # its label
    encoder_name: Mapped[str] = mapped_column(String(NAME_LENGTH))  # to which it moves
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    error_detail: Mapped[str | None] = mapped_column(SealedText("reembeddings.error_detail"), default=None)


class ReembeddedRow(Base):
    """An utterance's embedding by the encoder that its gallery is to have, until all are there.

    It is sealed for its place there, whose gallery and id it has: so it is put there without being opened.
    """

    __tablename__ = "reembedded"

    utterance_key: Mapped[int] = mapped_column(ForeignKey("utterances.key", ondelete="CASCADE"), primary_key=True)
    reembedding_key: Mapped[int] = mapped_column(ForeignKey("reembeddings.key", ondelete="CASCADE"), index=True)
    gallery_key: Mapped[int] = mapped_column(BigInteger)
    id: Mapped[str] = mapped_column(String(40))  # the utterance's
    embedding: Mapped[FloatArray] = mapped_column(Vector("utterances.embedding"))


class RepeatRow(Base):
    """The answer already given for an Idempotency-Key. Erased with its speaker."""

    __tablename__ = "repeats"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 of caller, path and Idempotency-Key
    request_sha256: Mapped[str] = mapped_column(SealedText("repeats.request_sha256", 64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]] = mapped_column(SealedJson("repeats.answer", dict))
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    speaker_key: Mapped[int | None] = mapped_column(ForeignKey("speakers.key", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class UnknownVoiceRow(Base):
    """An unknown speaker of recordings: what their hearings have in common (services/unknowns/keep.py)."""

    __tablename__ = "unknown_voices"
    __table_args__ = (Index("ix_unknown_voices_gallery_id", "gallery_key", "id"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    encoder_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    voiceprint: Mapped[FloatArray] = mapped_column(Vector("unknown_voices.voiceprint"))
    recordings: Mapped[int]  # different ones: the same bytes sent twice count once
    speech_s: Mapped[float]
    first_heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_heard_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HearingRow(Base):
    """An unnamed speaker of one recording.

    It belongs to a kept unknown speaker, or, once they were promoted, to the utterance that was made of it: who has
    the utterance is who spoke, through merges, moves and their undoing, and no one once it is erased.
    """

    __tablename__ = "hearings"
    __table_args__ = (UniqueConstraint("recording_key", "label"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    voice_key: Mapped[int | None] = mapped_column(ForeignKey("unknown_voices.key", ondelete="CASCADE"), index=True)
    utterance_key: Mapped[int | None] = mapped_column(ForeignKey("utterances.key", ondelete="CASCADE"), index=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recordings.key", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(40))  # in the recording's answer: unknown_1
    turns: Mapped[list[list[float]]] = mapped_column(SealedJson("hearings.turns", list))  # start and end in seconds
    speech_s: Mapped[float]
    snr_db: Mapped[float | None]
    clipping_ratio: Mapped[float]
    bandwidth_hz: Mapped[int]
    embedding: Mapped[FloatArray | None] = mapped_column(Vector("hearings.embedding"))  # NULL once the utterance has it
