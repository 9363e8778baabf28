"""Queries on the enrollment utterances of one gallery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer
from sqlalchemy.orm.attributes import set_committed_value

from speakerid.db.engine import is_in
from speakerid.db.models import ReembeddedRow, ReembeddingRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries
from speakerid.db.repositories.voiceprints import encoder_of
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
    found = list(db.scalars(query if after is None else query.where(UtteranceRow.id > after)))
    return as_of_now(db, speaker.gallery_key, found)


def every(db: Session, gallery_key: int) -> list[UtteranceRow]:
    """Of the whole gallery, oldest first."""
    query = select(UtteranceRow).where(UtteranceRow.gallery_key == gallery_key).order_by(UtteranceRow.key)
    return list(db.scalars(query))


def of_speakers(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> list[UtteranceRow]:
    """Oldest first, of those with an embedding that can be used."""
    query = select(UtteranceRow).where(spoken_by(db, gallery_key, speaker_keys)).order_by(UtteranceRow.key)
    return _sound(as_of_now(db, gallery_key, list(db.scalars(query))))


def as_of_now(db: Session, gallery_key: int, rows: Sequence[UtteranceRow]) -> list[UtteranceRow]:
    """`rows` of the gallery, each with its embedding by the gallery's encoder, also where that is not in the row yet:
    what a gallery has that moved to another encoder a moment ago (docs/decisions/0038)."""
    moved = _elsewhere(db, gallery_key, {row.key: row.encoder_fingerprint for row in rows})
    if moved and (gallery := galleries.by_key(db, gallery_key)) is not None:
        said = {"encoder_name": gallery.encoder_name, "encoder_fingerprint": gallery.encoder_fingerprint}
        for row in rows:
            if row.key in moved:
                for name, value in (said | {"embedding": moved[row.key]}).items():
                    set_committed_value(row, name, value)
    return list(rows)


def _elsewhere(db: Session, gallery_key: int, made_with: Mapping[int, str]) -> dict[int, FloatArray]:
    """By utterance key, those by the gallery's encoder that are not put in place yet.

    `made_with`: the fingerprint in each row, by utterance key, as it was read.
    """
    fingerprint = encoder_of(db, gallery_key)
    elsewhere = [key for key, one in made_with.items() if one != fingerprint]
    if not elsewhere or fingerprint is None:
        return {}
    query = (
        select(ReembeddedRow.utterance_key, ReembeddedRow.embedding)
        .join(ReembeddingRow, ReembeddingRow.key == ReembeddedRow.reembedding_key)
        .where(is_in(db, ReembeddedRow.utterance_key, elsewhere), ReembeddingRow.encoder_fingerprint == fingerprint)
    )
    found = dict(db.execute(query).all())
    if placed := [key for key in elsewhere if key not in found]:  # since the row was read (PostgreSQL)
        these = (is_in(db, UtteranceRow.key, placed), UtteranceRow.encoder_fingerprint == fingerprint)
        found |= dict(db.execute(select(UtteranceRow.key, UtteranceRow.embedding).where(*these)).all())
    return found


@dataclass(frozen=True)
class Spoken:
    """What one speaker's utterances make a voiceprint of, oldest first."""

    embeddings: FloatArray  # (n, dim)
    seconds: NDArray[np.float64]  # (n,) of speech


def spoken(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> dict[int, Spoken]:
    """By speaker key; speakers without utterances that can be used are left out."""
    columns = (UtteranceRow.key, UtteranceRow.encoder_fingerprint, UtteranceRow.speaker_key)
    query = (
        select(*columns, UtteranceRow.embedding, UtteranceRow.speech_s)
        .where(spoken_by(db, gallery_key, speaker_keys))
        .order_by(UtteranceRow.speaker_key, UtteranceRow.key)
    )
    rows = list(db.execute(query))
    moved = _elsewhere(db, gallery_key, {key: made_with for key, made_with, *_ in rows})
    now = [(whose, moved.get(key, embedding), seconds) for key, _, whose, embedding, seconds in rows]
    groups = groupby(sound(now, lambda row: row[1]), key=lambda row: row[0])
    return {key: _spoken([(embedding, seconds) for _, embedding, seconds in own]) for key, own in groups}


def spoken_by(db: Session, gallery_key: int, speaker_keys: Sequence[int]) -> ColumnElement[bool]:
    """Of the gallery, and of these speakers. The sum keeps SQLite from going through all of it: `voiceprints.among`."""
    return and_(is_in(db, UtteranceRow.speaker_key, speaker_keys), UtteranceRow.gallery_key + 0 == gallery_key)


def ids(db: Session, speaker: SpeakerRow) -> list[str]:
    """Of every utterance of the speaker, oldest first."""
    query = select(UtteranceRow.id).where(UtteranceRow.speaker_key == speaker.key).order_by(UtteranceRow.key)
    return list(db.scalars(query))


def hand_over(db: Session, utterance_ids: Sequence[str], to: SpeakerRow) -> None:
    """From now on these are utterances of `to`, a speaker of the same gallery."""
    these = is_in(db, UtteranceRow.id, utterance_ids)
    query = update(UtteranceRow).where(UtteranceRow.gallery_key + 0 == to.gallery_key, these)  # see `spoken_by`
    db.execute(query.values(speaker_key=to.key))


def counts(db: Session, gallery_key: int) -> dict[int, int]:
    """How many utterances each speaker of the gallery has, by speaker key; speakers without any are left out."""
    query = select(UtteranceRow.speaker_key, func.count()).where(UtteranceRow.gallery_key == gallery_key)
    found = db.execute(query.group_by(UtteranceRow.speaker_key).order_by(UtteranceRow.speaker_key))
    return {row[0]: row[1] for row in found}


def oldest(db: Session, gallery_key: int, speaker_keys: Sequence[int], limit: int) -> list[UtteranceRow]:
    """At most the `limit` oldest of each of these speakers, by speaker key; rows without audio."""
    place = func.row_number().over(partition_by=UtteranceRow.speaker_key, order_by=UtteranceRow.key)
    mine = spoken_by(db, gallery_key, speaker_keys)
    placed = select(UtteranceRow.key, place.label("place")).where(mine).subquery()
    query = select(UtteranceRow).join(placed, placed.c.key == UtteranceRow.key).where(placed.c.place <= limit)
    found = list(db.scalars(query.order_by(UtteranceRow.speaker_key, UtteranceRow.key)))
    return _sound(as_of_now(db, gallery_key, found))


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
