"""API keys: shown once, stored as a hash, bound to scopes and galleries; they expire, have limits, and are rotated."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Protocol, TypeVar

from speakerid.db.access_models import KeyRow
from speakerid.db.engine import Handle
from speakerid.db.repositories import keys
from speakerid.db.types import is_damaged, new_id, now
from speakerid.errors import InvalidRequest, KeyExpired, KeyInvalid, KeyOutlives, KeysExist, ScopeMissing
from speakerid.services import serializers, validation
from speakerid.types import Key, NewKey, Scope

T = TypeVar("T")
PREFIX = "sid_"
SECRET_BYTES = 32
SCOPES: tuple[Scope, ...] = ("enroll", "identify", "read", "admin")
RATE_LIMIT = 1_000_000  # requests a minute; more is none
AUDIO_LIMIT_S = 1_000_000_000  # a day; the same
GRACE = "24h"  # after a rotation


def create(
    db: Handle,
    name: str,
    scopes: tuple[str, ...],
    galleries: tuple[str, ...] = (),
    *,
    expires: str | None = None,
    requests_per_minute: int | None = None,
    audio_seconds_per_day: int | None = None,
    by: Key | None = None,
) -> NewKey:
    """No galleries means every gallery. `expires`: see `validation.end_of`. `by`: the key that asks for it.

    Raises InvalidRequest, KeyOutlives.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InvalidRequest(f"Scopes are {', '.join(SCOPES)}; got {', '.join(sorted(unknown)) or 'none'}.")
    secret = _new_secret()
    row = KeyRow(
        id=new_id("key"),
        name=validation.name(name),
        secret_sha256=_digest(secret),
        scopes=sorted(set(scopes)),
        galleries=[validation.gallery_name(gallery) for gallery in galleries],
        expires_at=_end(expires, by),
        requests_per_minute=_limit("requests_per_minute", requests_per_minute, RATE_LIMIT),
        audio_seconds_per_day=_limit("audio_seconds_per_day", audio_seconds_per_day, AUDIO_LIMIT_S),
    )
    keys.guard(db)
    keys.add(db, row)
    return NewKey(serializers.key(row), secret)


def rotate(db: Handle, key_id: str, grace: str = GRACE, expires: str | None = None, by: Key | None = None) -> NewKey:
    """A new secret for the key; the one before is taken for `grace` more, the one before that no longer.

    `expires`: a new end, without which the old one stays. Raises KeyNotFound, InvalidRequest, KeyOutlives.
    """
    row, secret = keys.get(db, key_id), _new_secret()
    row.former_sha256, row.former_until = row.secret_sha256, now() + validation.span(grace, "grace")
    row.secret_sha256 = _digest(secret)
    if expires is not None:
        row.expires_at = _end(expires, by)
    elif by is not None:
        _require_within(row.expires_at, by)
    db.flush()
    return NewKey(serializers.key(row), secret)


def every(db: Handle) -> tuple[Key, ...]:
    return tuple(serializers.key(row) for row in keys.every(db))


def revoke(db: Handle, key_id: str) -> None:
    """Raises KeyNotFound."""
    keys.remove(db, key_id)


def exist(db: Handle) -> bool:
    return keys.exist(db)


def required(remembered: Remembered) -> bool:
    """Whether requests without a key are refused: from the first key on, also when all were revoked."""
    return remembered("keys required", lambda db: keys.guarded(db) or keys.exist(db))


def allow_without(db: Handle) -> None:
    """Serve programs of this machine without a key again. Raises KeysExist."""
    if keys.exist(db):
        raise KeysExist
    keys.unguard(db)


class Remembered(Protocol):
    """See `Database.remembered`."""

    def __call__(self, name: Hashable, read: Callable[[Handle], T]) -> T: ...


def find(secret: str, remembered: Remembered) -> Key:
    """The key behind `secret`, whatever it allows. Raises KeyInvalid, KeyExpired, and what `remembered` raises."""
    # A lookup by the hash of 256 random bits: how long it takes depends on no stored key.
    digest = _digest(secret)
    key, ends = remembered(("key", digest), lambda db: _found(db, digest))
    if any(end is not None and end <= now() for end in ends):
        raise KeyExpired
    return key


def _found(db: Handle, digest: str) -> tuple[Key, tuple[datetime | None, ...]]:
    """And when it ends, in one way or another. Raises KeyInvalid."""
    row = keys.by_secret(db, digest)
    if row is None or is_damaged(row.galleries):  # no list of galleries would mean all of them
        raise KeyInvalid
    return serializers.key(row), (row.expires_at, None if row.secret_sha256 == digest else row.former_until)


def permit(key: Key, *scopes: Scope) -> None:
    """One of `scopes`, or `admin`, which includes every other. Raises ScopeMissing.

    The caller still has to ask whether the key's galleries include the one at hand.
    """
    if not {*scopes, "admin"} & set(key.scopes):
        raise ScopeMissing(scopes[0])


def _end(expires: str | None, by: Key | None) -> datetime | None:
    """Raises InvalidRequest, KeyOutlives."""
    end = None if expires is None else validation.end_of(expires, "expires")
    _require_within(end, by)
    return end


def _require_within(end: datetime | None, by: Key | None) -> None:
    """Raises KeyOutlives: a key that leaks for a while must not make one that stays."""
    if by is not None and by.expires_at is not None and (end is None or end > by.expires_at):
        raise KeyOutlives


def _limit(field: str, value: int | None, most: int) -> int | None:
    """Raises InvalidRequest."""
    if value is not None and not 1 <= value <= most:
        raise InvalidRequest(f"'{field}' must be 1 to {most}. Leave it out for no limit.")
    return value


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
