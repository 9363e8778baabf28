"""Erasures whose bytes may still lie in the files of a SQLite store."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from speakerid.db.models import ErasureRow

_NOTED = "speakerid_erasure"


def note(db: Session) -> None:
    """In the transaction that erases. PostgreSQL needs none of it: its VACUUM is the operator's."""
    if db.get_bind().dialect.name == "sqlite":
        row = ErasureRow()
        db.add(row)
        db.flush()
        db.info[_NOTED] = row.id


def noted(db: Session) -> int | None:
    """The erasure that this session noted."""
    found: int | None = db.info.get(_NOTED)
    return found


def is_pending(db: Session, erasure: int) -> bool:
    return db.scalar(select(ErasureRow.id).where(ErasureRow.id == erasure)) is not None


def pending(db: Session) -> int:
    return db.scalar(select(func.count(ErasureRow.id))) or 0
