"""Idempotency-Key: a repeated request gets the first answer again, and its work is done once.

The answer is kept in the transaction that did the work, so there is no moment in which only one of them exists.
It is erased with its gallery, speaker or recording, and after a day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from speakerid.db.engine import Handle
from speakerid.db.models import RepeatRow
from speakerid.db.repositories import galleries, idempotency, speakers
from speakerid.db.types import is_damaged
from speakerid.errors import DataDamaged, IdempotencyKeyReused


@dataclass(frozen=True)
class Repeat:
    """A request that may come again: `id` is of caller, path and key, `request_sha256` what was asked."""

    id: str
    request_sha256: str

    @classmethod
    def of(cls, caller: str, path: str, key: str, body: bytes) -> Repeat:
        return cls(_digest(f"{caller}\n{path}\n{key}".encode()), _digest(body))


def earlier(db: Handle, repeat: Repeat) -> RepeatRow | None:
    """The answer given before, if any. Raises DataDamaged; IdempotencyKeyReused when something else was asked."""
    row = idempotency.find(db, repeat.id)
    if row is not None and is_damaged(row.answer):
        raise DataDamaged("the answer that was kept for this Idempotency-Key")
    if row is not None and row.request_sha256 != repeat.request_sha256:
        raise IdempotencyKeyReused
    return row


def keep(
    db: Handle, repeat: Repeat, status: int, answer: dict[str, Any], gallery: str, speaker_id: str | None = None
) -> None:
    """Raises IdempotencyKeyInUse when the same request finished in another process meanwhile."""
    gallery_key = galleries.get(db, gallery).key
    row = RepeatRow(
        id=repeat.id,
        request_sha256=repeat.request_sha256,
        status=status,
        answer=answer,
        gallery_key=gallery_key,
        speaker_key=speakers.get(db, gallery_key, speaker_id).key if speaker_id else None,
    )
    idempotency.add(db, row)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
