"""Queries that read a whole gallery in one go, and that write a whole one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload, undefer

from speakerid.db.cipher import OVERHEAD_BYTES
from speakerid.db.engine import is_in
from speakerid.db.models import (
    Base,
    GalleryRow,
    RecordingRow,
    RepairRow,
    SpeakerRow,
    SpeakerTagRow,
    UnknownVoiceRow,
    UtteranceRow,
)
from speakerid.db.repositories import changes
from speakerid.db.repositories.galleries import HIDDEN
from speakerid.db.repositories.utterances import as_of_now, spoken_by
from speakerid.db.repositories.voiceprints import among
from speakerid.db.types import is_damaged, keyring_of, time_of
from speakerid.errors import DataDamaged, GalleryFileDamaged, GalleryTaken
from speakerid.names import name_key

FETCH_ROWS = 1_000  # utterances in memory at a time
FETCH_KEYS = 10_000
SPEAKERS, UTTERANCES = Base.metadata.tables["speakers"], Base.metadata.tables["utterances"]
TWICE = "it names a speaker, an utterance, an external id or a recording twice"


def hold_still(db: Session) -> None:
    """From now on all that `db` reads is of one moment, whatever others write. The first thing that it does."""
    if db.get_bind().dialect.name == "postgresql":  # a read of SQLite is so already
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def keys_in_parts(
    db: Session, kind: type[SpeakerRow] | type[UtteranceRow], gallery_key: int, at_once: int
) -> Iterator[list[int]]:
    """Of the whole gallery, rising, at most so many `at_once`; each part of the rows is then read by its keys.

    Keys come from an index. For what is behind a key, SQLite would go through the whole gallery each time.
    """
    query = select(kind.key).where(kind.gallery_key == gallery_key)
    keys = np.sort(np.fromiter(db.scalars(query, execution_options={"yield_per": FETCH_KEYS}), np.int64))
    for start in range(0, len(keys), at_once):
        yield keys[start : start + at_once].tolist()


def speakers(db: Session, gallery_key: int, at_once: int) -> Iterator[list[SpeakerRow]]:
    """Of the whole gallery, by rising key, at most so many `at_once`."""
    for keys in keys_in_parts(db, SpeakerRow, gallery_key, at_once):
        query = select(SpeakerRow).where(among(db, gallery_key, keys)).options(selectinload(SpeakerRow.tag_rows))
        yield list(db.scalars(query.order_by(SpeakerRow.key)))


def every_utterance(db: Session, gallery_key: int, at_once: int) -> Iterator[list[UtteranceRow]]:
    """Of the whole gallery, by rising key, at most so many `at_once`; also those that cannot be used."""
    for keys in keys_in_parts(db, UtteranceRow, gallery_key, at_once):
        query = select(UtteranceRow).where(is_in(db, UtteranceRow.key, keys)).order_by(UtteranceRow.key)
        yield as_of_now(db, gallery_key, list(db.scalars(query)))


def utterances(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> Iterator[tuple[UtteranceRow, int | None]]:
    """With the bytes that its audio has, None for none; by speaker, then oldest first."""
    query = (
        select(UtteranceRow, func.length(UtteranceRow.audio))
        .where(spoken_by(db, gallery_key, speaker_keys))
        .order_by(UtteranceRow.speaker_key, UtteranceRow.key)
        .options(undefer(UtteranceRow.fingerprint))
    )
    around = 0 if keyring_of(db) is None else OVERHEAD_BYTES
    for part in db.execute(query, execution_options={"yield_per": FETCH_ROWS}).partitions():
        rows = as_of_now(db, gallery_key, [row for row, _ in part])
        yield from ((row, None if size is None else size - around) for row, (_, size) in zip(rows, part, strict=True))


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
    changes.record_erased_gallery(db, gallery_key)


def replace(db: Session, bare: GalleryRow) -> None:
    """Make room for another gallery of this name: under a new key, which no process has an index of."""
    db.delete(bare)
    db.flush()
    changes.record_erased_gallery(db, bare.key)


def ids_elsewhere(
    db: Session, kind: type[SpeakerRow] | type[UtteranceRow], gallery_key: int, ids: Collection[str]
) -> set[str]:
    """Those of `ids` that other galleries of the store have."""
    return set(db.scalars(select(kind.id).where(is_in(db, kind.id, ids), kind.gallery_key != gallery_key)))


def add_speakers(db: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """By the names of columns. Their keys, rising. Raises GalleryFileDamaged for what is there twice."""
    if not rows:
        return []
    # The model's own way is not gone here.
    keyed = [
        row | {"name_key": name_key(row["name"]), "consent_expires_at": time_of(row["consent"].get("expires_at"))}
        for row in rows
    ]
    try:
        db.execute(insert(SPEAKERS), keyed)  # around the unit of work, which asks for each key by itself
    except IntegrityError:
        raise GalleryFileDamaged(TWICE) from None
    made = select(SpeakerRow.id, SpeakerRow.key).where(is_in(db, SpeakerRow.id, [row["id"] for row in rows]))
    keys = dict(db.execute(made).all())
    return [keys[row["id"]] for row in rows]


def add_tags(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Of speakers who were just added."""
    if rows:
        db.execute(insert(SpeakerTagRow), rows)


def add_utterances(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Raises GalleryFileDamaged for what is there twice."""
    if not rows:
        return
    try:
        db.execute(insert(UTTERANCES), rows)
    except IntegrityError:
        raise GalleryFileDamaged(TWICE) from None
