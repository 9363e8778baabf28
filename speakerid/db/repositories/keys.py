"""Queries on API keys."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from speakerid.db.models import GuardRow, KeyRow
from speakerid.db.types import is_damaged
from speakerid.errors import KeyNotFound


def add(db: Session, row: KeyRow) -> None:
    db.add(row)
    db.flush()


def every(db: Session) -> list[KeyRow]:
    return list(db.scalars(select(KeyRow).order_by(KeyRow.id)))


def guard(db: Session) -> None:
    """From now on requests without a key are refused."""
    if not guarded(db):
        db.add(GuardRow(id=1))
        db.flush()


def guarded(db: Session) -> bool:
    return db.scalar(select(GuardRow.id)) is not None


def unguard(db: Session) -> None:
    db.execute(delete(GuardRow))


def exist(db: Session) -> bool:
    return db.scalar(select(KeyRow.key).limit(1)) is not None


def by_secret(db: Session, secret_sha256: str) -> KeyRow | None:
    return db.scalar(select(KeyRow).where(KeyRow.secret_sha256 == secret_sha256))


def unbind(db: Session, gallery: str) -> None:
    """What was bound to an erased gallery stays bound to it, so that it opens no later one of that name."""
    for row in (one for one in every(db) if not is_damaged(one.galleries)):
        row.galleries = [f"{name} (erased)" if name == gallery else name for name in row.galleries]


def remove(db: Session, key_id: str) -> None:
    """Raises KeyNotFound."""
    row = db.scalar(select(KeyRow).where(KeyRow.id == key_id))
    if row is None:
        raise KeyNotFound(key_id)
    db.delete(row)
