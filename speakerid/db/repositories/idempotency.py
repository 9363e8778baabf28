"""Answers kept for a repeated Idempotency-Key."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Text, cast, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from speakerid.db.binding import holding
from speakerid.db.engine import is_in
from speakerid.db.models import RepeatRow
from speakerid.db.types import keyring_of, now
from speakerid.errors import IdempotencyKeyInUse

KEPT = timedelta(hours=24)


def find(db: Session, repeat_id: str) -> RepeatRow | None:
    return db.scalar(select(RepeatRow).where(RepeatRow.id == repeat_id, RepeatRow.created_at > now() - KEPT))


def add(db: Session, row: RepeatRow) -> None:
    """Keep one answer and forget those older than a day. Raises IdempotencyKeyInUse when it was kept meanwhile."""
    db.execute(delete(RepeatRow).where(RepeatRow.created_at <= now() - KEPT))
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        raise IdempotencyKeyInUse from None


def remove_about(db: Session, gallery_key: int, recording_id: str) -> None:
    """Answers that hold this recording, and with it its name."""
    of_gallery = RepeatRow.gallery_key == gallery_key
    if keyring_of(db) is None:
        held = cast(RepeatRow.answer, Text).contains(recording_id, autoescape=True)
    else:
        held = is_in(db, RepeatRow.id, holding(db, RepeatRow.id, RepeatRow.answer, of_gallery, [recording_id]))
    db.execute(delete(RepeatRow).where(of_gallery, held))
