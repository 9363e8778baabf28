"""The tables of who may ask, and of who did. No secrets of people are in them (db/binding.py)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column

from speakerid.db.models import GALLERY_LENGTH, NEVER_REUSED, Base
from speakerid.db.types import Json, Key, UtcDateTime, now
from speakerid.names import NAME_LENGTH


class GuardRow(Base):
    """There, at most once, since the first API key was made: requests without a key are refused from then on."""

    __tablename__ = "guard"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class KeyRow(Base):
    __tablename__ = "keys"

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json(list))
    galleries: Mapped[list[str]] = mapped_column(Json(list))  # empty: every gallery
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    requests_per_minute: Mapped[int | None] = mapped_column(default=None)
    audio_seconds_per_day: Mapped[int | None] = mapped_column(default=None)
    audio_day: Mapped[date | None] = mapped_column(default=None)  # in UTC: `audio_s` were sent on it
    audio_s: Mapped[float] = mapped_column(default=0.0, server_default=text("0"))
    last_used_on: Mapped[date | None] = mapped_column(default=None)
    # What the secret was before the last rotation, which is taken for a while.
    former_sha256: Mapped[str | None] = mapped_column(String(64), index=True, unique=True, default=None)
    former_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AccessEventRow(Base):
    """Who asked or changed what. No foreign keys: it outlives keys and galleries."""

    __tablename__ = "access_events"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    key_id: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(200))
    gallery: Mapped[str | None] = mapped_column(String(GALLERY_LENGTH))
    speaker_id: Mapped[str | None] = mapped_column(String(40), index=True)
    outcome: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
