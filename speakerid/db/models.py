"""The tables. SQL is the truth: an embedding lives in the row that owns it, beside the fingerprint of its encoder."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column

from speakerid.db.types import Json, Key, UtcDateTime, Vector, now
from speakerid.types import Combining, FloatArray

NAME_LENGTH = 200
GALLERY_LENGTH = 64
# A key is never used twice, not even after its row was erased: the vector index and the change log go by it.
NEVER_REUSED = {"sqlite_autoincrement": True}
RecordingState = Literal["receiving", "queued", "running", "done", "failed", "cancelled"]


class Base(DeclarativeBase):
    pass


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


class SpeakerRow(Base):
    """`key` is what the vector index stores; `id` is what the world sees."""

    __tablename__ = "speakers"
    __table_args__ = (
        UniqueConstraint("gallery_key", "external_id"),
        Index("ix_speakers_gallery_id", "gallery_key", "id"),
        NEVER_REUSED,
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    external_id: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    details: Mapped[dict[str, Any]] = mapped_column("metadata", Json(dict), default=dict)
    consent: Mapped[dict[str, Any]] = mapped_column(Json(dict), default=dict)
    voiceprint: Mapped[FloatArray | None] = mapped_column(Vector)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    version: Mapped[int] = mapped_column(default=1)


class UtteranceRow(Base):
    __tablename__ = "utterances"
    __table_args__ = (UniqueConstraint("gallery_key", "sha256"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    speaker_key: Mapped[int] = mapped_column(ForeignKey("speakers.key", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    speech_s: Mapped[float]
    snr_db: Mapped[float | None]
    clipping_ratio: Mapped[float]
    bandwidth_hz: Mapped[int]
    voices: Mapped[int | None]
    accepted: Mapped[list[str]] = mapped_column(Json(list), default=list)  # refusals of the coach that were overridden
    embedding: Mapped[FloatArray] = mapped_column(Vector)
    encoder_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    audio: Mapped[bytes | None] = deferred(
        mapped_column(LargeBinary, default=None)
    )  # only where the gallery keeps audio
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


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


class GuardRow(Base):
    """There, at most once, since the first API key was made: requests without a key are refused from then on."""

    __tablename__ = "guard"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class RepairRow(Base):
    """A merge or a move, and what undoing it needs. Emptied when a speaker or utterance of it is erased."""

    __tablename__ = "repairs"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"), index=True)
    kind: Mapped[Literal["merge", "move"]] = mapped_column(String(16))
    state: Mapped[Literal["done", "undone", "erased"]] = mapped_column(String(16), default="done")
    speaker_id: Mapped[str | None] = mapped_column(String(40))  # who was merged, or had the utterance before
    into_id: Mapped[str | None] = mapped_column(String(40))
    utterance_ids: Mapped[list[str]] = mapped_column(Json(list))
    merged: Mapped[dict[str, Any] | None] = mapped_column(Json(dict, none_as_null=True))  # the speaker who was merged
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class RecordingRow(Base):
    """One recording to be gone through, and a place in the queue (docs/decisions/0014).

    `answer` names speakers by id only: names are looked up when it is read.
    """

    __tablename__ = "recordings"
    __table_args__ = (
        Index("ix_recordings_gallery_id", "gallery_key", "id"),
        Index("ix_recordings_state", "state", "lease_until"),
        NEVER_REUSED,
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    gallery_key: Mapped[int] = mapped_column(ForeignKey("galleries.key", ondelete="CASCADE"))
    key_id: Mapped[str | None] = mapped_column(String(40), index=True)  # whose API key sent it; no foreign key
    state: Mapped[RecordingState] = mapped_column(String(16))
    stage: Mapped[str | None] = mapped_column(String(32), default=None)
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    options: Mapped[dict[str, Any]] = mapped_column(Json(dict))
    answer: Mapped[dict[str, Any] | None] = deferred(mapped_column(Json(dict, none_as_null=True), default=None))
    error_code: Mapped[str | None] = mapped_column(String(64), default=None)
    error_detail: Mapped[str | None] = mapped_column(Text, default=None)
    webhook: Mapped[str | None] = mapped_column(Text, default=None)
    webhook_tries: Mapped[int] = mapped_column(default=0)
    webhook_due: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None, index=True)  # NULL: nothing to send
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of audio
    sha256: Mapped[str | None] = mapped_column(String(64), default=None)  # of them, once they are all there
    worker: Mapped[str | None] = mapped_column(String(64), default=None)  # who works on it, or receives it
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # afterwards another may
    attempts: Mapped[int] = mapped_column(default=0)  # how often it was begun
    cancelling: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class RecordingPieceRow(Base):
    """The audio of a recording, about 1 MiB a row, until the job ended (longer where the gallery keeps audio)."""

    __tablename__ = "recording_pieces"

    recording_key: Mapped[int] = mapped_column(ForeignKey("recordings.key", ondelete="CASCADE"), primary_key=True)
    nth: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bytes: Mapped[bytes] = mapped_column(LargeBinary)


class KeyRow(Base):
    __tablename__ = "keys"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json(list))
    galleries: Mapped[list[str]] = mapped_column(Json(list))  # empty: every gallery
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class RepeatRow(Base):
    """The answer already given for an Idempotency-Key. Erased with its speaker."""

    __tablename__ = "repeats"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # sha256 of caller, path and Idempotency-Key
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]] = mapped_column(Json(dict))
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
    voiceprint: Mapped[FloatArray] = mapped_column(Vector)
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
    turns: Mapped[list[list[float]]] = mapped_column(Json(list))  # start and end in seconds
    speech_s: Mapped[float]
    snr_db: Mapped[float | None]
    clipping_ratio: Mapped[float]
    bandwidth_hz: Mapped[int]
    embedding: Mapped[FloatArray | None] = mapped_column(Vector)  # NULL once the utterance has it
