"""Queries on the kept unknown speakers of one gallery, and on their hearings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from speakerid.db.models import HearingRow, RecordingRow, SpeakerRow, UnknownVoiceRow, UtteranceRow
from speakerid.db.repositories.voiceprints import consenting
from speakerid.db.types import sound
from speakerid.errors import UnknownVoiceNotFound
from speakerid.types import FloatArray, SpeakerRef


@dataclass(frozen=True)
class Occurrence:
    """A hearing and the recording it is of."""

    row: HearingRow
    recording: RecordingRow

    @property
    def bytes(self) -> str:
        """The same for recordings of the same bytes."""
        return self.recording.sha256 or self.recording.id


@dataclass(frozen=True)
class Whose:
    """A speaker of a recording today: a kept unknown one, or the one they were promoted to."""

    unknown_id: str | None
    speaker: SpeakerRef | None


def get(db: Session, gallery_key: int, unknown_id: str, *, lock: bool = False) -> UnknownVoiceRow:
    """Raises UnknownVoiceNotFound. `lock` holds the row until the transaction ends (PostgreSQL)."""
    query = select(UnknownVoiceRow).where(UnknownVoiceRow.gallery_key == gallery_key, UnknownVoiceRow.id == unknown_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise UnknownVoiceNotFound(unknown_id)
    return row


def add(db: Session, row: UnknownVoiceRow | HearingRow) -> None:
    db.add(row)
    db.flush()


def forget_others(db: Session, gallery_key: int, fingerprint: str) -> None:
    """Those of another encoder than this."""
    others = (UnknownVoiceRow.gallery_key == gallery_key, UnknownVoiceRow.encoder_fingerprint != fingerprint)
    db.execute(delete(UnknownVoiceRow).where(*others))


def comparable(db: Session, gallery_key: int, fingerprint: str) -> list[UnknownVoiceRow]:
    """Those embedded by this encoder, oldest first, with a voiceprint that can be used."""
    query = select(UnknownVoiceRow).where(
        UnknownVoiceRow.gallery_key == gallery_key, UnknownVoiceRow.encoder_fingerprint == fingerprint
    )
    return sound(db.scalars(query.order_by(UnknownVoiceRow.id)), lambda one: one.voiceprint)


def page(
    db: Session, gallery_key: int, *, after: str | None, limit: int, min_recordings: int = 1
) -> list[UnknownVoiceRow]:
    """Oldest first, behind the id `after`."""
    query = select(UnknownVoiceRow).where(
        UnknownVoiceRow.gallery_key == gallery_key, UnknownVoiceRow.recordings >= min_recordings
    )
    if after is not None:
        query = query.where(UnknownVoiceRow.id > after)
    return list(db.scalars(query.order_by(UnknownVoiceRow.id).limit(limit)))


def voiceprints(db: Session, gallery_key: int) -> list[tuple[str, FloatArray]]:
    """`(id, voiceprint (dim,))`, oldest first; also those that cannot be used."""
    query = select(UnknownVoiceRow.id, UnknownVoiceRow.voiceprint).where(UnknownVoiceRow.gallery_key == gallery_key)
    return [(unknown_id, vector) for unknown_id, vector in db.execute(query.order_by(UnknownVoiceRow.id))]


def count(db: Session, gallery_key: int) -> int:
    return db.scalar(select(func.count()).where(UnknownVoiceRow.gallery_key == gallery_key)) or 0


def hearings(db: Session, unknown: UnknownVoiceRow) -> list[Occurrence]:
    """By recording, oldest first."""
    query = (
        select(HearingRow, RecordingRow)
        .join(RecordingRow, RecordingRow.key == HearingRow.recording_key)
        .where(HearingRow.voice_key == unknown.key)
        .order_by(RecordingRow.key, HearingRow.key)
    )
    return [Occurrence(row, recording) for row, recording in db.execute(query)]


def of_recording(db: Session, recording_key: int) -> list[UnknownVoiceRow]:
    """The kept unknown speakers of one recording; held until the transaction ends (PostgreSQL)."""
    keys = select(HearingRow.voice_key).where(HearingRow.recording_key == recording_key)
    query = select(UnknownVoiceRow).where(UnknownVoiceRow.key.in_(keys)).order_by(UnknownVoiceRow.key)
    return list(db.scalars(query.with_for_update().execution_options(populate_existing=True)))


def forget_hearings(db: Session, recording_key: int) -> None:
    db.execute(delete(HearingRow).where(HearingRow.recording_key == recording_key))


def forget_every(db: Session, gallery_key: int) -> None:
    """With their hearings; hearings of promoted ones stay."""
    db.execute(delete(UnknownVoiceRow).where(UnknownVoiceRow.gallery_key == gallery_key))


def whose(db: Session, recording_key: int) -> dict[str, Whose]:
    """By the label in the recording."""
    query = (
        select(HearingRow.label, UnknownVoiceRow.id, SpeakerRow.id, SpeakerRow.name)
        .outerjoin(UnknownVoiceRow, UnknownVoiceRow.key == HearingRow.voice_key)
        .outerjoin(UtteranceRow, UtteranceRow.key == HearingRow.utterance_key)
        .outerjoin(SpeakerRow, and_(SpeakerRow.key == UtteranceRow.speaker_key, consenting()))
        .where(HearingRow.recording_key == recording_key)
    )
    return {
        label: Whose(unknown_id, SpeakerRef(speaker_id, name) if speaker_id else None)
        for label, unknown_id, speaker_id, name in db.execute(query)
    }


def hand_over(hearings: Sequence[HearingRow], utterance: UtteranceRow) -> None:
    """From now on these are hearings of the speaker whose utterance this is."""
    for one in hearings:
        one.voice_key, one.utterance_key, one.embedding = None, utterance.key, None
