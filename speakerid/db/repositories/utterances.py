"""Queries on the enrollment utterances of one gallery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Row, and_, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from speakerid.db.engine import is_in
from speakerid.db.models import SpeakerRow, UtteranceRow
from speakerid.db.types import is_damaged, looked_up, sound
from speakerid.errors import UtteranceElsewhere, UtteranceNotFound
from speakerid.types import FloatArray, SpeakerRef


def get(db: Session, speaker: SpeakerRow, utterance_id: str) -> UtteranceRow:
    """Raises UtteranceNotFound."""
    query = select(UtteranceRow).where(UtteranceRow.speaker_key == speaker.key, UtteranceRow.id == utterance_id)
    row = db.scalar(query)
    if row is None:
        raise UtteranceNotFound(utterance_id)
    return row


def add(db: Session, row: UtteranceRow) -> None:
    """Raises UtteranceElsewhere when the same bytes were enrolled meanwhile."""
    gallery_key, sha256 = row.gallery_key, row.sha256
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:
        found = same_bytes(db, gallery_key, sha256)
        if found is None:
            raise
        raise UtteranceElsewhere(found[1].id, found[1].name) from None


def of_speaker(
    db: Session, speaker: SpeakerRow, *, after: str | None = None, limit: int | None = None
) -> list[UtteranceRow]:
    """Oldest first, behind the utterance id `after`."""
    query = select(UtteranceRow).where(UtteranceRow.speaker_key == speaker.key).order_by(UtteranceRow.id).limit(limit)
    return list(db.scalars(query if after is None else query.where(UtteranceRow.id > after)))


def every(db: Session, gallery_key: int) -> list[UtteranceRow]:
    """Of the whole gallery, oldest first."""
    query = select(UtteranceRow).where(UtteranceRow.gallery_key == gallery_key).order_by(UtteranceRow.key)
    return list(db.scalars(query))


def of_speakers(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> list[UtteranceRow]:
    """Oldest first, of those with an embedding that can be used."""
    query = select(UtteranceRow).where(_of(db, gallery_key, speaker_keys)).order_by(UtteranceRow.key)
    return _sound(db.scalars(query))


@dataclass(frozen=True)
class Spoken:
    """What one speaker's utterances make a voiceprint of, oldest first."""

    embeddings: FloatArray  # (n, dim)
    seconds: NDArray[np.float64]  # (n,) of speech


def spoken(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> dict[int, Spoken]:
    """By speaker key; speakers without utterances that can be used are left out."""
    query = (
        select(UtteranceRow.speaker_key, UtteranceRow.embedding, UtteranceRow.speech_s)
        .where(_of(db, gallery_key, speaker_keys))
        .order_by(UtteranceRow.speaker_key, UtteranceRow.key)
    )
    groups = groupby(sound(db.execute(query), lambda row: row[1]), key=lambda row: row[0])
    return {key: _spoken([(embedding, seconds) for _, embedding, seconds in rows]) for key, rows in groups}


def _of(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> ColumnElement[bool]:
    """The sum keeps SQLite from going through all of the gallery; see `speakers`."""
    return and_(is_in(db, UtteranceRow.speaker_key, speaker_keys), UtteranceRow.gallery_key + 0 == gallery_key)


def ids(db: Session, speaker: SpeakerRow) -> list[str]:
    """Of every utterance of the speaker, oldest first."""
    query = select(UtteranceRow.id).where(UtteranceRow.speaker_key == speaker.key).order_by(UtteranceRow.key)
    return list(db.scalars(query))


def hand_over(db: Session, utterance_ids: Sequence[str], to: SpeakerRow) -> None:
    """From now on these are utterances of `to`, a speaker of the same gallery."""
    these = is_in(db, UtteranceRow.id, utterance_ids)
    query = update(UtteranceRow).where(UtteranceRow.gallery_key == to.gallery_key, these)
    db.execute(query.values(speaker_key=to.key))


def counts(db: Session, gallery_key: int) -> dict[int, int]:
    """How many utterances each speaker of the gallery has, by speaker key; speakers without any are left out."""
    query = select(UtteranceRow.speaker_key, func.count()).where(UtteranceRow.gallery_key == gallery_key)
    found = db.execute(query.group_by(UtteranceRow.speaker_key).order_by(UtteranceRow.speaker_key))
    return {row[0]: row[1] for row in found}


def oldest(db: Session, gallery_key: int, speaker_keys: Sequence[int], limit: int) -> list[UtteranceRow]:
    """At most the `limit` oldest of each of these speakers, by speaker key; rows without audio."""
    place = func.row_number().over(partition_by=UtteranceRow.speaker_key, order_by=UtteranceRow.key)
    mine = _of(db, gallery_key, speaker_keys)
    placed = select(UtteranceRow.key, place.label("place")).where(mine).subquery()
    query = select(UtteranceRow).join(placed, placed.c.key == UtteranceRow.key).where(placed.c.place <= limit)
    return _sound(db.scalars(query.order_by(UtteranceRow.speaker_key, UtteranceRow.key)))


def embeddings(db: Session, gallery_key: int, *, after: int, limit: int) -> list[Row[int, str, FloatArray, str]]:
    """`key`, `id`, `embedding (dim,)` and its encoder's fingerprint, by rising key behind the key `after`; also of
    those that cannot be used."""
    columns = (UtteranceRow.key, UtteranceRow.id, UtteranceRow.embedding, UtteranceRow.encoder_fingerprint)
    query = select(*columns).where(UtteranceRow.gallery_key == gallery_key, UtteranceRow.key > after)
    return list(db.execute(query.order_by(UtteranceRow.key).limit(limit)))


def with_fingerprint(db: Session, speaker: SpeakerRow) -> list[UtteranceRow]:
    """The speaker's, oldest first, that were enrolled from a file."""
    query = select(UtteranceRow).where(UtteranceRow.speaker_key == speaker.key, UtteranceRow.fingerprint.is_not(None))
    loaded = query.options(undefer(UtteranceRow.fingerprint)).order_by(UtteranceRow.key)
    return [row for row in db.scalars(loaded) if not is_damaged(row.fingerprint)]


def with_embedding(db: Session, speaker: SpeakerRow) -> list[UtteranceRow]:
    """The speaker's, oldest first, with an embedding that can be used."""
    return _sound(of_speaker(db, speaker))


def _sound(rows: Iterable[UtteranceRow]) -> list[UtteranceRow]:
    return sound(rows, lambda one: one.embedding)


def same_bytes(db: Session, gallery_key: int, sha256: str) -> tuple[UtteranceRow, SpeakerRef] | None:
    """The utterance made from the same bytes in this gallery, and its speaker."""
    query = (
        select(UtteranceRow, SpeakerRow.id, SpeakerRow.name)
        .join(SpeakerRow, SpeakerRow.key == UtteranceRow.speaker_key)
        .where(UtteranceRow.gallery_key == gallery_key, looked_up(db, UtteranceRow.sha256, gallery_key, sha256))
    )
    found = db.execute(query).first()
    return None if found is None else (found[0], SpeakerRef(found[1], found[2]))


def _spoken(rows: Sequence[tuple[FloatArray, float]]) -> Spoken:
    return Spoken(np.stack([embedding for embedding, _ in rows]), np.array([seconds for _, seconds in rows]))
