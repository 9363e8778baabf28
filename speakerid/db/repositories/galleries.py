"""Queries on galleries."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.errors import GalleryExists, GalleryNotFound
from speakerid.types import Combining

Lock = Literal["use", "change"]
HIDDEN = "/"  # what the name of a gallery that is not there yet begins with: no caller can ask for it


def get(db: Session, name: str, *, lock: Lock | None = None) -> GalleryRow:
    """Raises GalleryNotFound, also for one that is on its way in, however its name was found out.

    On PostgreSQL `lock` holds the row until the transaction ends: "change" against all others, "use" against those
    who would change or erase it. Always taken before a speaker's lock, so that no two wait in a circle.
    """
    query = select(GalleryRow).where(GalleryRow.name == name)
    if lock is not None:
        query = query.with_for_update(read=lock == "use").execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None or name.startswith(HIDDEN):
        raise GalleryNotFound(name)
    return row


def find(db: Session, name: str) -> GalleryRow | None:
    return db.scalar(select(GalleryRow).where(GalleryRow.name == name))


def add(db: Session, row: GalleryRow) -> None:
    """Raises GalleryExists."""
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        raise GalleryExists(row.name) from None


def every(db: Session) -> list[GalleryRow]:
    """But for those that are on their way in (moving.py)."""
    query = select(GalleryRow).where(~GalleryRow.name.startswith(HIDDEN)).order_by(GalleryRow.name)
    return list(db.scalars(query))


def encoders(db: Session) -> list[tuple[int, str]]:
    """Key and encoder's fingerprint of each of `every`, without what else their rows have."""
    query = select(GalleryRow.key, GalleryRow.encoder_fingerprint).where(~GalleryRow.name.startswith(HIDDEN))
    return [(key, fingerprint) for key, fingerprint in db.execute(query)]


def combining(db: Session, gallery_key: int) -> Combining:
    """As it is now, for a caller who holds the gallery or one of its speakers."""
    return db.scalars(select(GalleryRow.combining).where(GalleryRow.key == gallery_key)).one()


def count_speakers(db: Session, gallery_key: int) -> int:
    return db.scalar(select(func.count()).where(SpeakerRow.gallery_key == gallery_key)) or 0


def has_utterances(db: Session, gallery_key: int) -> bool:
    return db.scalar(select(UtteranceRow.key).where(UtteranceRow.gallery_key == gallery_key).limit(1)) is not None


def hold(db: Session, key: int) -> GalleryRow | None:
    """Against all others, until the transaction ends (PostgreSQL); None for one that is gone."""
    query = select(GalleryRow).where(GalleryRow.key == key).with_for_update()
    return db.scalar(query.execution_options(populate_existing=True))


def keeps_audio(db: Session, key: int) -> bool:
    """False for one that is gone."""
    return bool(db.scalar(select(GalleryRow.keep_audio).where(GalleryRow.key == key)))


def by_key(db: Session, key: int) -> GalleryRow | None:
    return db.get(GalleryRow, key)
