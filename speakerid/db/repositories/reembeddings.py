"""Queries on galleries that move to another encoder, and on the embeddings that wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Select, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from speakerid.db.cipher import OVERHEAD_BYTES
from speakerid.db.engine import is_in
from speakerid.db.models import ReembeddedRow, ReembeddingRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories.recordings import ENDED, Queue
from speakerid.db.repositories.voiceprints import encoder_of
from speakerid.db.types import keyring_of
from speakerid.errors import ReembeddingNotFound
from speakerid.types import FloatArray

QUEUE = Queue(ReembeddingRow)
FETCH_ROWS = 10_000
# Put in place in one transaction.
PLACED_ROWS = 500
PLACED_BYTES = 16 * 1024 * 1024  # of audio


def latest(db: Session, gallery_key: int, *, lock: bool = False) -> ReembeddingRow:
    """Raises ReembeddingNotFound. `lock` holds the row until the transaction ends (PostgreSQL)."""
    query = select(ReembeddingRow).where(ReembeddingRow.gallery_key == gallery_key)
    query = query.order_by(ReembeddingRow.key.desc()).limit(1)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise ReembeddingNotFound
    return row


def under_way(db: Session, gallery_key: int) -> ReembeddingRow | None:
    """The gallery's job that has not ended."""
    mine = (ReembeddingRow.gallery_key == gallery_key, ReembeddingRow.state.not_in(ENDED))
    return db.scalar(select(ReembeddingRow).where(*mine).limit(1))


def drop_ended(db: Session, gallery_key: int) -> None:
    """Those before the one that begins: only the last is ever asked for."""
    db.execute(delete(ReembeddingRow).where(ReembeddingRow.gallery_key == gallery_key, ReembeddingRow.state.in_(ENDED)))


def count_utterances(db: Session, gallery_key: int) -> int:
    return db.scalar(select(func.count()).where(UtteranceRow.gallery_key == gallery_key)) or 0


def count_without_audio(db: Session, gallery_key: int) -> int:
    around = 0 if keyring_of(db) is None else OVERHEAD_BYTES
    nothing = or_(UtteranceRow.audio.is_(None), func.length(UtteranceRow.audio) <= around)
    return db.scalar(select(func.count()).where(UtteranceRow.gallery_key == gallery_key, nothing)) or 0


def count_made(db: Session, key: int) -> int:
    return db.scalar(select(func.count()).where(ReembeddedRow.reembedding_key == key)) or 0


def keys_missing(db: Session, row: ReembeddingRow) -> list[int]:
    """Of the gallery's utterances without a new embedding, rising."""
    return sorted(db.scalars(_missing(row).with_only_columns(UtteranceRow.key)))


def by_keys(db: Session, row: ReembeddingRow, keys: Sequence[int]) -> list[UtteranceRow]:
    """Those utterances that are still there, by rising key."""
    these = (is_in(db, UtteranceRow.key, keys), UtteranceRow.gallery_key + 0 == row.gallery_key)
    return list(db.scalars(select(UtteranceRow).where(*these).order_by(UtteranceRow.key)))


def any_missing(db: Session, row: ReembeddingRow) -> bool:
    return db.scalar(_missing(row).with_only_columns(UtteranceRow.key).limit(1)) is not None


def ids_missing(db: Session, row: ReembeddingRow, keys: Sequence[int]) -> list[str]:
    """Of those utterances that are still there."""
    return list(db.scalars(_missing(row).where(is_in(db, UtteranceRow.key, keys)).with_only_columns(UtteranceRow.id)))


def add(db: Session, row: ReembeddingRow, made: Mapping[int, FloatArray]) -> None:
    """New embeddings by utterance key; of utterances that were erased meanwhile nothing is kept."""
    there = select(UtteranceRow.key, UtteranceRow.id).where(UtteranceRow.key.in_(made))
    rows = db.execute(there.with_for_update(read=True, key_share=True))
    said = {"reembedding_key": row.key, "gallery_key": row.gallery_key}
    values = [{"utterance_key": key, "id": one, "embedding": made[key], **said} for key, one in rows]
    if values:
        db.execute(insert(ReembeddedRow), values)


def is_switched(db: Session, row: ReembeddingRow) -> bool:
    """Whether the gallery has the new encoder, so that what was made counts, wherever it is."""
    return encoder_of(db, row.gallery_key) == row.encoder_fingerprint


def put_in_place(db: Session, row: ReembeddingRow) -> bool:
    """Some utterances of a gallery that has the new encoder get their new embedding. Whether there were any left.

    Each row is written anew with its audio, which is why the number of bytes is bounded.
    """
    waiting = (
        select(UtteranceRow.key, func.coalesce(func.length(UtteranceRow.audio), 0))
        .join(ReembeddedRow, ReembeddedRow.utterance_key == UtteranceRow.key)
        .where(ReembeddedRow.reembedding_key == row.key)
        .limit(PLACED_ROWS)
    )
    found = [(key, size) for key, size in db.execute(waiting)]
    before = np.cumsum([0, *(size for _, size in found)])[:-1]
    keys = [key for (key, _), size in zip(found, before, strict=True) if size < PLACED_BYTES]
    new = select(ReembeddedRow.embedding).where(ReembeddedRow.utterance_key == UtteranceRow.key).scalar_subquery()
    values = {"embedding": new, "encoder_name": row.encoder_name, "encoder_fingerprint": row.encoder_fingerprint}
    placed = update(UtteranceRow).where(UtteranceRow.key.in_(keys)).values(values)
    db.execute(placed, execution_options={"synchronize_session": False})
    db.execute(delete(ReembeddedRow).where(ReembeddedRow.utterance_key.in_(keys)))
    return bool(keys)


def drop_made(db: Session, key: int) -> None:
    db.execute(delete(ReembeddedRow).where(ReembeddedRow.reembedding_key == key))


def hold_speakers(db: Session, gallery_key: int) -> None:
    """Against all others, until the transaction ends (PostgreSQL); the gallery is held before."""
    query = select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key).order_by(SpeakerRow.key)
    for _ in db.execute(query.with_for_update(), execution_options={"yield_per": FETCH_ROWS}):
        pass


def _missing(row: ReembeddingRow) -> Select[UtteranceRow]:
    made = select(ReembeddedRow.utterance_key).where(ReembeddedRow.utterance_key == UtteranceRow.key).exists()
    return select(UtteranceRow).where(UtteranceRow.gallery_key == row.gallery_key, ~made)
