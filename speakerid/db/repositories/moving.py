"""Queries that read a whole gallery in one go, and that write a whole one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload, undefer

from speakerid.db.cipher import OVERHEAD_BYTES
from speakerid.db.engine import is_in
from speakerid.db.models import (
    GalleryRow,
    RecordingRow,
    RepairRow,
    SpeakerRow,
    SpeakerTagRow,
    UnknownVoiceRow,
    UtteranceRow,
)
from speakerid.db.repositories.galleries import HIDDEN
from speakerid.db.types import is_damaged, keyring_of, time_of
from speakerid.errors import DataDamaged, GalleryFileDamaged, GalleryTaken
from speakerid.names import name_key

FETCH_ROWS = 1_000  # utterances in memory at a time
TWICE = "it names a speaker, an utterance, an external id or a recording twice"


def hold_still(db: Session) -> None:
    """From now on all that `db` reads is of one moment, whatever others write. The first thing that it does."""
    if db.get_bind().dialect.name == "postgresql":  # a read of SQLite is so already
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def speakers(db: Session, gallery_key: int, *, after: int, limit: int) -> list[SpeakerRow]:
    """By rising key, behind the key `after`."""
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.key > after)
    loaded = query.options(selectinload(SpeakerRow.tag_rows))
    return list(db.scalars(loaded.order_by(SpeakerRow.key).limit(limit)))


def utterances(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> Iterator[tuple[UtteranceRow, int | None]]:
    """With the bytes that its audio has, None for none; by speaker, then oldest first."""
    query = (
        select(UtteranceRow, func.length(UtteranceRow.audio))
        .where(UtteranceRow.gallery_key == gallery_key, is_in(db, UtteranceRow.speaker_key, speaker_keys))
        .order_by(UtteranceRow.speaker_key, UtteranceRow.key)
        .options(undefer(UtteranceRow.fingerprint))
    )
    around = 0 if keyring_of(db) is None else OVERHEAD_BYTES
    for row, size in db.execute(query, execution_options={"yield_per": FETCH_ROWS}):
        yield row, None if size is None else size - around


def audio(db: Session, gallery_key: int, utterance_key: int) -> bytes:
    """Raises DataDamaged."""
    query = select(UtteranceRow.audio).where(UtteranceRow.gallery_key == gallery_key, UtteranceRow.key == utterance_key)
    found = db.scalar(query)
    if is_damaged(found):
        raise DataDamaged("the audio of an utterance")
    return found or b""


def is_bare(db: Session, gallery_key: int) -> bool:
    """Whether nothing was ever put in it, or nothing of it is left."""
    kinds = (SpeakerRow, RecordingRow, UnknownVoiceRow, RepairRow)
    return all(db.scalar(select(kind.key).where(kind.gallery_key == gallery_key).limit(1)) is None for kind in kinds)


def hidden(db: Session) -> list[GalleryRow]:
    """Those that are on their way in."""
    return list(db.scalars(select(GalleryRow).where(GalleryRow.name.startswith(HIDDEN))))


def rename(db: Session, gallery_key: int, name: str) -> None:
    """Raises GalleryTaken where another got the name at this moment (PostgreSQL)."""
    try:
        with db.begin_nested():
            db.execute(update(GalleryRow).where(GalleryRow.key == gallery_key).values(name=name))
    except IntegrityError:
        raise GalleryTaken(name) from None


def drop_speakers(db: Session, gallery_key: int, limit: int) -> bool:
    """Erase at most `limit` speakers, with their utterances. Whether there was any."""
    some = db.scalars(select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key).limit(limit)).all()
    db.execute(delete(SpeakerRow).where(SpeakerRow.key.in_(some)))
    return bool(some)


def drop_hidden(db: Session, gallery_key: int) -> None:
    db.execute(delete(GalleryRow).where(GalleryRow.key == gallery_key, GalleryRow.name.startswith(HIDDEN)))


def replace(db: Session, bare: GalleryRow) -> None:
    """Make room for another gallery of this name: under a new key, which no process has an index of."""
    db.delete(bare)
    db.flush()


def ids_elsewhere(
    db: Session, kind: type[SpeakerRow] | type[UtteranceRow], gallery_key: int, ids: Collection[str]
) -> set[str]:
    """Those of `ids` that other galleries of the store have."""
    return set(db.scalars(select(kind.id).where(is_in(db, kind.id, ids), kind.gallery_key != gallery_key)))


def add_speakers(db: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Their keys, rising. Raises GalleryFileDamaged for what is there twice."""
    if not rows:
        return []
    # The model's own way is not gone here.
    keyed = [
        row | {"name_key": name_key(row["name"]), "consent_expires_at": time_of(row["consent"].get("expires_at"))}
        for row in rows
    ]
    query = insert(SpeakerRow).returning(SpeakerRow.key, sort_by_parameter_order=True)
    try:
        return list(db.scalars(query, keyed))
    except IntegrityError:
        raise GalleryFileDamaged(TWICE) from None


def add_tags(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Of speakers who were just added."""
    if rows:
        db.execute(insert(SpeakerTagRow), rows)


def add_utterances(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Raises GalleryFileDamaged for what is there twice."""
    if not rows:
        return
    try:
        db.execute(insert(UtteranceRow), rows)
    except IntegrityError:
        raise GalleryFileDamaged(TWICE) from None
