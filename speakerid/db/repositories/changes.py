"""The log of voiceprint changes that the vector index follows, and erasures that the files of a store must follow.

On SQLite there is one writer at a time, so row ids rise in commit order and the id is the position. On PostgreSQL they
do not: a position is a transaction id there, and only transactions older than every running one are read, because a
younger id can be committed before an older one.
"""

from __future__ import annotations

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db.models import ErasureRow, GalleryRow, IndexChangeRow

# The newest change and a gallery's encoder, of SQLite: what each search asks after a commit, so nothing goes around it.
STANDING = "SELECT (SELECT max(id) FROM index_changes), (SELECT encoder_fingerprint FROM galleries WHERE key = ?)"
_TOUCHED = "speakerid_touched"
_ERASED = "speakerid_erased_galleries"
_NOTED = "speakerid_erasure"


def _between(position: InstrumentedAttribute[int]) -> Select[int]:
    """Built once: to build it anew takes as long as to ask for it."""
    inside = (position >= bindparam("start"), position < bindparam("stop"))
    return select(IndexChangeRow.speaker_key).where(IndexChangeRow.gallery_key == bindparam("gallery"), *inside)


_BETWEEN_IDS, _BETWEEN_TXIDS = _between(IndexChangeRow.id), _between(IndexChangeRow.txid)


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


def horizon(db: Session) -> int:
    """The first position that is not safe to read yet: everything before it is committed or was rolled back."""
    if _is_sqlite(db):
        return (db.scalar(select(func.max(IndexChangeRow.id))) or 0) + 1
    return int(db.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one())


def standing(db: Session, gallery_key: int) -> tuple[int, str | None]:
    """`horizon`, and the fingerprint of what the gallery's voiceprints are made with: None for one that is gone."""
    encoder = select(GalleryRow.encoder_fingerprint).where(GalleryRow.key == gallery_key)
    if not _is_sqlite(db):
        return horizon(db), db.scalar(encoder)
    newest, fingerprint = db.connection().exec_driver_sql(STANDING, (gallery_key,)).one()
    return (newest or 0) + 1, fingerprint


def between(db: Session, gallery_key: int, start: int, stop: int) -> set[int]:
    """Speaker keys of this gallery that changed at positions `start <= p < stop`."""
    query = _BETWEEN_IDS if _is_sqlite(db) else _BETWEEN_TXIDS
    return set(db.connection().execute(query, {"gallery": gallery_key, "start": start, "stop": stop}).scalars())


def count_from(db: Session, start: int) -> int:
    """Changes visible at or behind position `start`."""
    return db.scalar(select(func.count()).where(_position(db) >= start)) or 0


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


def _position(db: Session) -> InstrumentedAttribute[int]:
    return IndexChangeRow.id if _is_sqlite(db) else IndexChangeRow.txid


def _is_sqlite(db: Session) -> bool:
    return db.get_bind().dialect.name == "sqlite"
