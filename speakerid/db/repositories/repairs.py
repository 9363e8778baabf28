"""Queries on the merges and moves of one gallery."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from speakerid.db.engine import is_in
from speakerid.db.models import RepairRow
from speakerid.errors import ChangeNotFound

LAST = "last"


def add(db: Session, row: RepairRow) -> None:
    db.add(row)
    db.flush()


def get(db: Session, gallery_key: int, change_id: str, *, lock: bool = False) -> RepairRow:
    """The change of this id, or with "last" the newest one that is not undone. Raises ChangeNotFound.

    `lock` holds the row until the transaction ends (PostgreSQL). Always taken after the speakers' locks.
    """
    query = _of(gallery_key).limit(1)
    query = query.where(RepairRow.state != "undone" if change_id == LAST else RepairRow.id == change_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise ChangeNotFound(change_id)
    return row


def page(db: Session, gallery_key: int, *, before: str | None, limit: int) -> list[RepairRow]:
    """Newest first, older than the change id `before`, or than the time in it where there is no such change."""
    query = _of(gallery_key).limit(limit)
    if before is None:
        return list(db.scalars(query))
    place = db.scalar(select(RepairRow.key).where(RepairRow.gallery_key == gallery_key, RepairRow.id == before))
    return list(db.scalars(query.where(RepairRow.id < before if place is None else RepairRow.key < place)))


def remembering(db: Session, gallery_key: int) -> list[RepairRow]:
    """Those that are not emptied; held until the transaction ends (PostgreSQL)."""
    query = _of(gallery_key).where(RepairRow.state != "erased")
    return list(db.scalars(query.with_for_update().execution_options(populate_existing=True)))


def merges_of(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> list[RepairRow]:
    """The merges, not undone, by which one of these speakers became another."""
    query = _of(gallery_key).where(RepairRow.kind == "merge", RepairRow.state == "done")
    return list(db.scalars(query.where(is_in(db, RepairRow.speaker_id, speaker_ids))))


def _of(gallery_key: int) -> Select[RepairRow]:
    return select(RepairRow).where(RepairRow.gallery_key == gallery_key).order_by(RepairRow.key.desc())
