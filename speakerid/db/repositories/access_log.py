"""Queries on the access log: who asked or changed what. No names: speakers by id, callers by the id of their key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db.access_models import AccessEventRow
from speakerid.db.engine import is_in
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.types import AccessEvent


@dataclass(frozen=True)
class EventFilter:
    """Only events of these galleries, about this speaker, not older than `since`."""

    galleries: tuple[str, ...] = ()  # empty: all, and those of none
    speaker_id: str | None = None
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [AccessEventRow.gallery.in_(self.galleries)] if self.galleries else []
        found += [] if self.speaker_id is None else [AccessEventRow.speaker_id == self.speaker_id]
        found += [] if self.since is None else [AccessEventRow.at >= self.since]
        return found


EVERYTHING = EventFilter()


def page(db: Session, *, after: int, limit: int, only: EventFilter = EVERYTHING) -> list[AccessEventRow]:
    """Oldest first, behind the event `after`."""
    query = select(AccessEventRow).where(AccessEventRow.id > after, *only.conditions())
    return list(db.scalars(query.order_by(AccessEventRow.id).limit(limit)))


def add(db: Session, events: Sequence[AccessEvent]) -> None:
    """What they say of galleries and speakers who are not there is left out: anything may be asked for."""
    galleries = _existing(db, GalleryRow.name, {one.gallery for one in events if one.gallery})
    speakers = _existing(db, SpeakerRow.id, {one.speaker_id for one in events if one.speaker_id})
    rows = [
        {
            "at": one.at,
            "key_id": one.key_id,
            "action": one.action,
            "gallery": one.gallery if one.gallery in galleries else None,
            "speaker_id": one.speaker_id if one.speaker_id in speakers else None,
            "outcome": one.outcome,
            "request_id": one.request_id,
        }
        for one in events
    ]
    if rows:
        db.execute(insert(AccessEventRow), rows)


def forget(db: Session, speaker_id: str) -> None:
    """Whom earlier events were about is not said any more."""
    db.execute(update(AccessEventRow).where(AccessEventRow.speaker_id == speaker_id).values(speaker_id=None))


def forget_gallery(db: Session, gallery_key: int) -> None:
    """The same for every speaker of a gallery."""
    inside = select(SpeakerRow.id).where(SpeakerRow.gallery_key == gallery_key)
    db.execute(update(AccessEventRow).where(AccessEventRow.speaker_id.in_(inside)).values(speaker_id=None))


def purge(db: Session, before: datetime) -> None:
    db.execute(delete(AccessEventRow).where(AccessEventRow.at < before))


def older(db: Session, before: datetime) -> bool:
    """Whether there is something to purge."""
    return db.scalar(select(AccessEventRow.id).where(AccessEventRow.at < before).limit(1)) is not None


def _existing(db: Session, column: InstrumentedAttribute[str], asked: Collection[str]) -> set[str]:
    return set(db.scalars(select(column).where(is_in(db, column, asked))))
