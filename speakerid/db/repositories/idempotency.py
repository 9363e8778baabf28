"""Answers kept for a repeated Idempotency-Key."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from speakerid.db.models import RepeatRow
from speakerid.db.types import now
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


def remove(db: Session, row: RepeatRow) -> None:
    db.delete(row)
    db.flush()
