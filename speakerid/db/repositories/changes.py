"""The log of voiceprint changes that the vector index follows, and erasures that the files of a store must follow.

On SQLite there is one writer at a time, so row ids rise in commit order: whoever knows the last one knows all before.
On PostgreSQL they do not, and neither do transaction ids: a younger one can be committed before an older one. What was
read is a snapshot there, as PostgreSQL itself has them: the transactions that were running are remembered by their ids,
and looked for again. So nothing is missed, and a transaction that runs for hours keeps no other's changes back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, literal_column, or_, select, text
from sqlalchemy.orm import Session

from speakerid.db.engine import is_in
from speakerid.db.models import ErasureRow, GalleryRow, IndexChangeRow

# Of SQLite, what each search asks after a commit: a gallery's newest change, and its encoder.
NEWEST = (
    "SELECT (SELECT max(id) FROM index_changes WHERE gallery_key = :gallery_key), "
    "(SELECT encoder_fingerprint FROM galleries WHERE key = :gallery_key)"
)
# Built once: to build them anew takes as long as to ask.
_STANDING = "SELECT (SELECT max(id) FROM index_changes), (SELECT encoder_fingerprint FROM galleries WHERE key = ?)"
_SINCE = select(IndexChangeRow.speaker_key).where(
    IndexChangeRow.gallery_key == bindparam("gallery"), IndexChangeRow.id >= bindparam("end")
)
_TOUCHED = "speakerid_touched"
_ERASED = "speakerid_erased_galleries"
_NOTED = "speakerid_erasure"
_NEXT: ColumnElement[int] = literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint", BigInteger)


@dataclass(frozen=True)
class Position:
    """How far somebody read the log."""

    start: int  # every change before it was read
    end: int  # none from here on was
    running: tuple[int, ...] = ()  # between both: these were not

    @classmethod
    def before(cls, number: int) -> Self:
        """All before this number was read, and nothing else."""
        return cls(number, number)


BEGINNING = Position.before(0)


def record(db: Session, gallery_key: int, speaker_key: int) -> None:
    """Note, in the caller's transaction, that this speaker's voiceprint changed or vanished."""
    db.add(IndexChangeRow(gallery_key=gallery_key, speaker_key=speaker_key))
    db.info.setdefault(_TOUCHED, {}).setdefault(gallery_key, set()).add(speaker_key)


def record_erased_gallery(db: Session, gallery_key: int) -> None:
    """Note that the caller's transaction erases this gallery."""
    db.info.setdefault(_ERASED, set()).add(gallery_key)


def erased_galleries(db: Session) -> set[int]:
    found: set[int] = db.info.get(_ERASED, set())
    return found


def touched(db: Session) -> dict[int, set[int]]:
    """What this session recorded: speaker keys by gallery key."""
    found: dict[int, set[int]] = db.info.get(_TOUCHED, {})
    return found


def position(db: Session) -> Position:
    """Of this moment: what is read afterwards is at least all before it."""
    if _is_sqlite(db):
        return Position.before((db.scalar(select(func.max(IndexChangeRow.id))) or 0) + 1)
    start, end, running = db.execute(text("SELECT pg_current_snapshot()::text")).scalar_one().split(":")
    return Position(int(start), int(end), tuple(int(one) for one in running.split(",") if one))


def standing(db: Session, gallery_key: int) -> tuple[Position, str | None]:
    """`position`, and the fingerprint of what the gallery's voiceprints are made with: None for one that is gone."""
    if not _is_sqlite(db):
        return position(db), db.scalar(select(GalleryRow.encoder_fingerprint).where(GalleryRow.key == gallery_key))
    newest, fingerprint = db.connection().exec_driver_sql(_STANDING, (gallery_key,)).one()
    return Position.before((newest or 0) + 1), fingerprint


def since(db: Session, gallery_key: int, position: Position) -> set[int]:
    """Keys of this gallery's speakers who changed behind the position."""
    if _is_sqlite(db):
        return set(db.connection().execute(_SINCE, {"gallery": gallery_key, "end": position.end}).scalars())
    query = select(IndexChangeRow.speaker_key).where(IndexChangeRow.gallery_key == gallery_key, _behind(db, position))
    return set(db.scalars(query))


def any_since(db: Session, gallery_key: int, position: Position) -> bool:
    query = select(IndexChangeRow.id).where(IndexChangeRow.gallery_key == gallery_key, _behind(db, position))
    return db.scalar(query.limit(1)) is not None


def galleries_since(db: Session, gallery_keys: Collection[int], position: Position) -> set[int]:
    """Those of the galleries in which somebody changed behind the position."""
    query = select(IndexChangeRow.gallery_key).where(is_in(db, IndexChangeRow.gallery_key, gallery_keys))
    return set(db.scalars(query.where(_behind(db, position)).distinct()))


def count_since(db: Session, gallery_key: int, position: Position) -> int:
    """How many changes of this gallery are behind the position."""
    query = select(func.count()).where(IndexChangeRow.gallery_key == gallery_key, _behind(db, position))
    return db.scalar(query) or 0


def note_erasure(db: Session) -> None:
    """In the transaction that erases: bytes may still lie in the files of a SQLite store. PostgreSQL has its VACUUM."""
    if _is_sqlite(db):
        row = ErasureRow()
        db.add(row)
        db.flush()
        db.info[_NOTED] = row.id


def noted_erasure(db: Session) -> int | None:
    """The erasure that this session noted."""
    found: int | None = db.info.get(_NOTED)
    return found


def is_erasure_pending(db: Session, erasure: int) -> bool:
    return db.scalar(select(ErasureRow.id).where(ErasureRow.id == erasure)) is not None


def erasures_pending(db: Session) -> int:
    return db.scalar(select(func.count(ErasureRow.id))) or 0


def _behind(db: Session, position: Position) -> ColumnElement[bool]:
    """Committed now, and not when the position was taken.

    A store that was restored into another PostgreSQL has changes of ids that this one has not reached: they are over.
    """
    if _is_sqlite(db):
        return IndexChangeRow.id >= position.end
    txid = IndexChangeRow.txid
    later = txid >= position.end
    return and_(or_(later, is_in(db, txid, position.running)) if position.running else later, txid < _NEXT)


def _is_sqlite(db: Session) -> bool:
    return db.get_bind().dialect.name == "sqlite"
