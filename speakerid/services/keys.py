"""API keys: shown once, stored as a hash, bound to scopes and galleries."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from speakerid.db.engine import Handle
from speakerid.db.models import KeyRow
from speakerid.db.repositories import keys
from speakerid.db.types import is_damaged, new_id
from speakerid.errors import InvalidRequest, KeyInvalid, KeysExist, ScopeMissing
from speakerid.services import serializers, validation
from speakerid.types import Key, Scope

PREFIX = "sid_"
SECRET_BYTES = 32
SCOPES: tuple[Scope, ...] = ("enroll", "identify", "read", "admin")


@dataclass(frozen=True)
class NewKey:
    key: Key
    secret: str  # shown this once; only its hash is kept


def create(db: Handle, name: str, scopes: tuple[str, ...], galleries: tuple[str, ...] = ()) -> NewKey:
    """No galleries means every gallery. Raises InvalidRequest."""
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InvalidRequest(f"Scopes are {', '.join(SCOPES)}; got {', '.join(sorted(unknown)) or 'none'}.")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = KeyRow(
        id=new_id("key"),
        name=validation.name(name),
        secret_sha256=_digest(secret),
        scopes=sorted(set(scopes)),
        galleries=[validation.gallery_name(gallery) for gallery in galleries],
    )
    keys.guard(db)
    keys.add(db, row)
    return NewKey(serializers.key(row), secret)


def every(db: Handle) -> tuple[Key, ...]:
    return tuple(serializers.key(row) for row in keys.every(db))


def revoke(db: Handle, key_id: str) -> None:
    """Raises KeyNotFound."""
    keys.remove(db, key_id)


def exist(db: Handle) -> bool:
    return keys.exist(db)


def required(db: Handle) -> bool:
    """Whether requests without a key are refused: from the first key on, also when all were revoked."""
    return keys.guarded(db) or keys.exist(db)


def allow_without(db: Handle) -> None:
    """Serve programs of this machine without a key again. Raises KeysExist."""
    if keys.exist(db):
        raise KeysExist
    keys.unguard(db)


def find(db: Handle, secret: str) -> Key:
    """The key behind `secret`, whatever it allows. Raises KeyInvalid."""
    # A lookup by the hash of 256 random bits: how long it takes depends on no stored key.
    row = keys.by_secret(db, _digest(secret))
    if row is None or is_damaged(row.galleries):  # no list of galleries would mean all of them
        raise KeyInvalid
    return serializers.key(row)


def permit(key: Key, *scopes: Scope) -> None:
    """One of `scopes`, or `admin`, which includes every other. Raises ScopeMissing.

    The caller still has to ask whether the key's galleries include the one at hand.
    """
    if not {*scopes, "admin"} & set(key.scopes):
        raise ScopeMissing(scopes[0])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
