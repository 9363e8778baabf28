"""Queries on the speakers of one gallery."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, case, cast, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db.models import SpeakerRow, UtteranceRow
from speakerid.db.types import is_damaged, sound
from speakerid.errors import ExternalIdTaken, SpeakerNotFound
from speakerid.types import FloatArray

HASHES = 32_749  # prime; its square stays below 2^31
SPREAD = 20_240  # its golden section: neighboring keys are spread evenly


@dataclass(frozen=True)
class SpeakerSums:
    """A speaker with the sums over its enrollment utterances."""

    row: SpeakerRow
    utterances: int
    speech_s: float


def get(db: Session, gallery_key: int, speaker_id: str, *, lock: bool = False) -> SpeakerRow:
    """Raises SpeakerNotFound. `lock` holds the row until the transaction ends (PostgreSQL)."""
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.id == speaker_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise SpeakerNotFound(speaker_id)
    return row


def get_two(db: Session, gallery_key: int, one_id: str, other_id: str) -> tuple[SpeakerRow, SpeakerRow]:
    """Both, held until the transaction ends (PostgreSQL). Raises SpeakerNotFound.

    Taken by rising key whoever is named first, so that two who want the same two never wait in a circle.
    """
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.id.in_((one_id, other_id)))
    locked = query.order_by(SpeakerRow.key).with_for_update().execution_options(populate_existing=True)
    found = {row.id: row for row in db.scalars(locked)}
    for speaker_id in (one_id, other_id):
        if speaker_id not in found:
            raise SpeakerNotFound(speaker_id)
    return found[one_id], found[other_id]


def names(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> dict[str, str]:
    """By id, of those that exist."""
    query = select(SpeakerRow.id, SpeakerRow.name).where(
        SpeakerRow.gallery_key == gallery_key, SpeakerRow.id.in_(speaker_ids)
    )
    return {row.id: row.name for row in db.execute(query)}


def hold(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> set[str]:
    """The ids of those who exist; they stay until the transaction ends (PostgreSQL). Taken by rising key."""
    query = select(SpeakerRow.id).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.id.in_(speaker_ids))
    return set(db.scalars(query.order_by(SpeakerRow.key).with_for_update(read=True)))


def add(db: Session, row: SpeakerRow) -> None:
    """Raises ExternalIdTaken."""
    with saving(db, row):
        db.add(row)


@contextmanager
def saving(db: Session, row: SpeakerRow) -> Iterator[None]:
    """What the block changes in `row` is written when it ends. Raises ExternalIdTaken.

    The changes belong inside the block: those made before would be written before the savepoint that undoes them.
    """
    wanted = ""
    try:
        with db.begin_nested():
            yield
            wanted, gallery_key = row.external_id or "", row.gallery_key
            db.flush()
    except IntegrityError:
        if not wanted:
            raise
        raise ExternalIdTaken(find(db, gallery_key, SpeakerFilter(external_id=wanted))[0].id) from None


def with_sums(db: Session, row: SpeakerRow) -> SpeakerSums:
    found = db.execute(_sums(row.gallery_key).where(SpeakerRow.key == row.key)).one()
    return _shape(found)


@dataclass(frozen=True)
class SpeakerFilter:
    """Only speakers with exactly this name, or this external id."""

    name: str | None = None
    external_id: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted = ((SpeakerRow.name, self.name), (SpeakerRow.external_id, self.external_id))
        return [column == value for column, value in wanted if value is not None]


ALL_SPEAKERS = SpeakerFilter()


@dataclass(frozen=True)
class Voiceprint:
    """A speaker who can be found, and the seconds of speech behind."""

    row: SpeakerRow
    embedding: FloatArray
    speech_s: float


def page(
    db: Session, gallery_key: int, *, after: str | None, limit: int, only: SpeakerFilter = ALL_SPEAKERS
) -> list[SpeakerSums]:
    """Oldest first, behind the speaker id `after`."""
    query = _sums(gallery_key).where(*only.conditions()).order_by(SpeakerRow.id).limit(limit)
    if after is not None:
        query = query.where(SpeakerRow.id > after)
    return [_shape(found) for found in db.execute(query)]


def find(db: Session, gallery_key: int, only: SpeakerFilter) -> list[SpeakerRow]:
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, *only.conditions())
    return list(db.scalars(query.order_by(SpeakerRow.id)))


def every(db: Session, gallery_key: int, *, lock: bool = False) -> list[SpeakerRow]:
    """By rising key. `lock` holds them all until the transaction ends (PostgreSQL)."""
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key).order_by(SpeakerRow.key)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(db.scalars(query))


def with_voice(db: Session, gallery_key: int, keys: Sequence[int], dim: int | None = None) -> list[Voiceprint]:
    """Those of `keys` that exist in this gallery and have a voiceprint, in no order.

    Those whose row is damaged are left out; `dim`: of how many numbers a voiceprint has to be.
    """
    query = (
        select(SpeakerRow, func.sum(UtteranceRow.speech_s))
        .join(UtteranceRow, UtteranceRow.speaker_key == SpeakerRow.key)
        .where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.key.in_(keys), SpeakerRow.voiceprint.is_not(None))
        .group_by(SpeakerRow.key)
    )
    found = [
        Voiceprint(row, row.voiceprint, float(seconds))
        for row, seconds in db.execute(query)
        if row.voiceprint is not None and not is_unreadable(row)
    ]
    return sound(found, lambda one: one.embedding, dim)


def is_unreadable(row: SpeakerRow) -> bool:
    """Whether the speaker's metadata or consent cannot be read."""
    return is_damaged(row.details) or is_damaged(row.consent)


def unreadable(db: Session, gallery_key: int, keys: Sequence[int] | None = None) -> set[int]:
    """Keys of those speakers, of `keys` where given. PostgreSQL refuses such a row."""
    if db.get_bind().dialect.name != "sqlite":
        return set()
    kinds = [func.json_type(_text(column)) for column in (SpeakerRow.details, SpeakerRow.consent)]
    no_object = or_(*(kind.is_distinct_from("object") for kind in kinds))
    query = select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key, no_object)
    return set(db.scalars(query if keys is None else query.where(SpeakerRow.key.in_(keys))))


def by_keys(db: Session, gallery_key: int, keys: Sequence[int]) -> list[SpeakerRow]:
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.key.in_(keys))
    return list(db.scalars(query.order_by(SpeakerRow.key)))


def ids(db: Session, keys: Sequence[int]) -> list[str]:
    """Public ids, of any gallery: for the operator."""
    return list(db.scalars(select(SpeakerRow.id).where(SpeakerRow.key.in_(keys)).order_by(SpeakerRow.id)))


def _text(column: InstrumentedAttribute[Any]) -> ColumnElement[str | None]:
    """The JSON text, or NULL where it is none: SQLite refuses to look into what is no JSON."""
    text = cast(column, Text)
    return case((func.json_valid(text) == 1, text), else_=None)


def count_voiceprints(db: Session, gallery_key: int) -> int:
    query = select(func.count()).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.voiceprint.is_not(None))
    return db.scalar(query) or 0


def keys(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> list[int]:
    """Of those that exist, in no order."""
    query = select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.id.in_(speaker_ids))
    return list(db.scalars(query))


def voiceprints(
    db: Session, gallery_key: int, *, after: int = 0, limit: int | None = None, keys: Sequence[int] | None = None
) -> list[tuple[int, FloatArray]]:
    """`(key, voiceprint (dim,))` by rising key, behind the key `after`; only of `keys` where given."""
    query = select(SpeakerRow.key, SpeakerRow.voiceprint).where(
        SpeakerRow.gallery_key == gallery_key, SpeakerRow.voiceprint.is_not(None), SpeakerRow.key > after
    )
    if keys is not None:
        query = query.where(SpeakerRow.key.in_(keys))
    return [
        (key, vector) for key, vector in db.execute(query.order_by(SpeakerRow.key).limit(limit)) if vector is not None
    ]


def sample(db: Session, gallery_key: int, *, every: int) -> list[tuple[int, FloatArray]]:
    """`(key, voiceprint (dim,))` by rising key of about one speaker in `every`: the same ones whoever asks.

    By a hash of the key: galleries filled in turns have keys with a pattern.
    """
    hashed = (SpeakerRow.key % HASHES) * SPREAD % HASHES
    query = select(SpeakerRow.key, SpeakerRow.voiceprint).where(
        SpeakerRow.gallery_key == gallery_key, SpeakerRow.voiceprint.is_not(None), hashed < HASHES // every
    )
    rows = db.execute(query.order_by(SpeakerRow.key))
    return sound([(key, vector) for key, vector in rows if vector is not None], lambda one: one[1])


def _sums(gallery_key: int) -> Select[SpeakerRow, int, float]:
    count = func.count(UtteranceRow.key)
    seconds = func.coalesce(func.sum(UtteranceRow.speech_s), 0.0)
    return (
        select(SpeakerRow, count, seconds)
        .outerjoin(UtteranceRow, UtteranceRow.speaker_key == SpeakerRow.key)
        .where(SpeakerRow.gallery_key == gallery_key)
        .group_by(SpeakerRow.key)
    )


def _shape(found: Row[SpeakerRow, int, float]) -> SpeakerSums:
    return SpeakerSums(row=found[0], utterances=found[1], speech_s=float(found[2]))
