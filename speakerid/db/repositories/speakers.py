"""Queries on the speakers of one gallery."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    bindparam,
    func,
    not_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from speakerid.db.engine import is_in
from speakerid.db.models import Base, SpeakerRow, SpeakerTagRow, UtteranceRow
from speakerid.db.repositories.voiceprints import among, consenting
from speakerid.db.types import looked_up
from speakerid.errors import ExternalIdTaken, SpeakerNotFound
from speakerid.names import name_key
from speakerid.types import FloatArray

OF_KEY = "speakers_key"  # as the unit of work names the row that it updates: see db/binding.py


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


def names(db: Session, gallery_key: int, speaker_ids: Collection[str], *, recognized: bool = False) -> dict[str, str]:
    """By id, of those that exist. `recognized`: in an answer about who speaks, so of those who may be."""
    query = select(SpeakerRow.id, SpeakerRow.name).where(
        SpeakerRow.gallery_key == gallery_key, is_in(db, SpeakerRow.id, speaker_ids)
    )
    if recognized:
        query = query.where(consenting())
    return {row.id: row.name for row in db.execute(query)}


def hold(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> set[str]:
    """The ids of those who exist; they stay until the transaction ends (PostgreSQL). Taken by rising key."""
    query = select(SpeakerRow.id).where(SpeakerRow.gallery_key == gallery_key, is_in(db, SpeakerRow.id, speaker_ids))
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
        holder = find(db, gallery_key, SpeakerFilter(external_id=wanted))[0]
        raise ExternalIdTaken(holder.id, holder.name) from None


def with_sums(db: Session, row: SpeakerRow) -> SpeakerSums:
    found = db.execute(_sums(db, row.gallery_key, [row.key])).one()
    return _shape(found)


@dataclass(frozen=True)
class SpeakerFilter:
    """Only speakers with this name, however it is written, with exactly this external id, whose consent has ended, who
    have this tag."""

    name: str | None = None
    external_id: str | None = None
    consent_expired: bool = False
    tag: str | None = None

    def conditions(self, db: Session, gallery_key: int) -> list[ColumnElement[bool]]:
        key = None if self.name is None else name_key(self.name)
        wanted = ((SpeakerRow.name_key, key), (SpeakerRow.external_id, self.external_id))
        found = [looked_up(db, column, gallery_key, value) for column, value in wanted if value is not None]
        if self.tag is not None:
            tagged = select(SpeakerTagRow.speaker_key).where(SpeakerTagRow.gallery_key == gallery_key)
            found.append(SpeakerRow.key.in_(tagged.where(SpeakerTagRow.tag == self.tag)))
        return [*found, not_(consenting())] if self.consent_expired else found


ALL_SPEAKERS = SpeakerFilter()


def page(
    db: Session, gallery_key: int, *, after: str | None, limit: int, only: SpeakerFilter = ALL_SPEAKERS
) -> list[SpeakerSums]:
    """Oldest first, behind the speaker id `after`. Sums are only made of those who are on it."""
    query = select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key, *only.conditions(db, gallery_key))
    if after is not None:
        query = query.where(SpeakerRow.id > after)
    keys = list(db.scalars(query.order_by(SpeakerRow.id).limit(limit)))
    return [_shape(found) for found in db.execute(_sums(db, gallery_key, keys).order_by(SpeakerRow.id))]


def find(db: Session, gallery_key: int, only: SpeakerFilter) -> list[SpeakerRow]:
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key, *only.conditions(db, gallery_key))
    return list(db.scalars(query.order_by(SpeakerRow.id)))


def opted_out(db: Session, new: SpeakerRow) -> SpeakerRow | None:
    """Who opted out and is the `new` speaker: by external id, or by name where the new one has no external id."""
    same = looked_up(db, SpeakerRow.name_key, new.gallery_key, name_key(new.name))
    if new.external_id is not None:
        same = looked_up(db, SpeakerRow.external_id, new.gallery_key, new.external_id)
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == new.gallery_key, SpeakerRow.opted_out_at.is_not(None))
    return db.scalar(query.where(same).order_by(SpeakerRow.key).limit(1))


def every(db: Session, gallery_key: int, *, lock: bool = False) -> list[SpeakerRow]:
    """By rising key. `lock` holds them all until the transaction ends (PostgreSQL)."""
    query = select(SpeakerRow).where(SpeakerRow.gallery_key == gallery_key).order_by(SpeakerRow.key)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(db.scalars(query))


def by_keys(db: Session, gallery_key: int, keys: Sequence[int]) -> list[SpeakerRow]:
    query = select(SpeakerRow).where(among(db, gallery_key, keys))
    return list(db.scalars(query.order_by(SpeakerRow.key)))


def put_voiceprints(db: Session, made: Mapping[int, FloatArray | None]) -> None:
    """By speaker key, of very many: around the unit of work."""
    table = Base.metadata.tables["speakers"]
    put = update(table).where(table.c.key == bindparam(OF_KEY)).values(version=table.c.version + 1)
    db.execute(put, [{OF_KEY: key, "voiceprint": one} for key, one in made.items()])


def ids(db: Session, keys: Sequence[int]) -> list[str]:
    """Public ids, of any gallery: for the operator."""
    return list(db.scalars(select(SpeakerRow.id).where(is_in(db, SpeakerRow.key, keys)).order_by(SpeakerRow.id)))


def count_expired(db: Session, gallery_key: int) -> int:
    """Of those with a voiceprint, who may not be recognized any more."""
    query = select(func.count()).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.voiceprint.is_not(None))
    return db.scalar(query.where(not_(consenting()))) or 0


def tags(row: SpeakerRow) -> tuple[str, ...]:
    """By the alphabet."""
    return tuple(sorted(one.tag for one in row.tag_rows))


def put_tags(row: SpeakerRow, tags: Iterable[str]) -> None:
    """These and no others."""
    before = {one.tag: one for one in row.tag_rows}
    row.tag_rows = [before.get(tag) or SpeakerTagRow(gallery_key=row.gallery_key, tag=tag) for tag in tags]


def tagged(db: Session, gallery_key: int, tags: Collection[str]) -> list[int]:
    """Keys of those who have one of `tags`, in no order."""
    query = select(SpeakerTagRow.speaker_key).where(SpeakerTagRow.gallery_key == gallery_key)
    return list(db.scalars(query.where(is_in(db, SpeakerTagRow.tag, tags)).distinct()))


def keys(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> list[int]:
    """Of those that exist, in no order."""
    query = select(SpeakerRow.key).where(SpeakerRow.gallery_key == gallery_key, is_in(db, SpeakerRow.id, speaker_ids))
    return list(db.scalars(query))


def _sums(db: Session, gallery_key: int, keys: Sequence[int]) -> Select[SpeakerRow, int, float]:
    count = func.count(UtteranceRow.key)
    seconds = func.coalesce(func.sum(UtteranceRow.speech_s), 0.0)
    return (
        select(SpeakerRow, count, seconds)
        .outerjoin(UtteranceRow, UtteranceRow.speaker_key == SpeakerRow.key)
        .where(among(db, gallery_key, keys))
        .group_by(SpeakerRow.key)
        .options(selectinload(SpeakerRow.tag_rows))
    )


def _shape(found: Row[SpeakerRow, int, float]) -> SpeakerSums:
    return SpeakerSums(row=found[0], utterances=found[1], speech_s=float(found[2]))
