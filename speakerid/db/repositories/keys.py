"""Queries on API keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, case, delete, or_, select, update
from sqlalchemy.orm import Session

from speakerid.db.access_models import GuardRow, KeyRow
from speakerid.db.asked import AudioQuota
from speakerid.db.engine import is_in
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
    """The key whose secret this is, or was before its last rotation."""
    now_or_before = or_(KeyRow.secret_sha256 == secret_sha256, KeyRow.former_sha256 == secret_sha256)
    return db.scalar(select(KeyRow).where(now_or_before))


def get(db: Session, key_id: str) -> KeyRow:
    """Held until the transaction ends (PostgreSQL). Raises KeyNotFound."""
    row = db.scalar(select(KeyRow).where(KeyRow.id == key_id).with_for_update())
    if row is None:
        raise KeyNotFound(key_id)
    return row


def note_use(db: Session, key_ids: Collection[str], day: date) -> None:
    """They were used on this day, in UTC."""
    earlier = or_(KeyRow.last_used_on.is_(None), KeyRow.last_used_on < day)
    used = update(KeyRow).where(is_in(db, KeyRow.id, key_ids), earlier).values(last_used_on=day)
    db.execute(used, execution_options={"synchronize_session": False})


def take_audio(db: Session, key_id: str, seconds: float, day: date) -> bool:
    """Count audio of a key on this day, where its quota has room for it. Whether it has; without a quota it has."""
    before, quota = _sent(day), KeyRow.audio_seconds_per_day
    room = or_(quota.is_(None), (before < quota) & (before + seconds <= quota))
    return add_audio(db, key_id, seconds, day, room)


def take_more_audio(db: Session, key_id: str, seconds: float, day: date, taken: float = 0.0) -> bool:
    """The same of what `taken` did not foresee: one may go beyond the quota, and no other after it."""
    quota = KeyRow.audio_seconds_per_day
    return add_audio(db, key_id, seconds, day, or_(quota.is_(None), _sent(day) - taken < quota))


def audio_quota(db: Session, key_id: str) -> AudioQuota | None:
    """None for a key without one, or that is gone."""
    per_day = db.scalar(select(KeyRow.audio_seconds_per_day).where(KeyRow.id == key_id))
    return None if per_day is None else AudioQuota(key_id, per_day)


def add_audio(db: Session, key_id: str, seconds: float, day: date, *only: ColumnElement[bool]) -> bool:
    """The same whatever its quota; `seconds` below 0 are given back. Whether it was counted."""
    after = _sent(day) + seconds
    sent = update(KeyRow).where(KeyRow.id == key_id, *only)
    sent = sent.values(audio_s=case((after > 0.0, after), else_=0.0), audio_day=day)
    done = db.execute(sent, execution_options={"synchronize_session": False})
    return bool(cast(CursorResult[Any], done).rowcount)


def _sent(day: date) -> ColumnElement[float]:
    return case((KeyRow.audio_day == day, KeyRow.audio_s), else_=0.0)


def audio_sent(db: Session, key_id: str, day: date) -> float:
    return db.scalar(select(_sent(day)).where(KeyRow.id == key_id)) or 0.0


def unbind(db: Session, gallery: str) -> None:
    """What was bound to an erased gallery stays bound to it, so that it opens no later one of that name."""
    for row in (one for one in every(db) if not is_damaged(one.galleries)):
        row.galleries = [f"{name} (erased)" if name == gallery else name for name in row.galleries]


def remove(db: Session, key_id: str) -> None:
    """Raises KeyNotFound."""
    db.delete(get(db, key_id))
