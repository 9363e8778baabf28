"""Queries on recordings and their audio, and the queue that jobs form, recordings and others (docs/decisions/0014).

Whoever works on one holds a lease. Every write on its behalf is conditional on that lease, so no write is for a job
that another took over in the meantime. Times come from the clock of the store, which all workers share.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session, undefer

from speakerid.db.binding import holding
from speakerid.db.engine import is_in
from speakerid.db.models import GalleryRow, Queued, RecordingPieceRow, RecordingRow
from speakerid.db.types import is_damaged, keyring_of, now
from speakerid.errors import DataDamaged, RecordingNotFound

LEASE = timedelta(seconds=30)
ATTEMPTS = 12  # of a job whose worker gave it back each time, for faults of its machine: 50 minutes with all pauses
ATTEMPTS_IF_LOST = 4  # attempts that one counts for whose worker ended without a word: three of these
PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0  # after the first attempt; it doubles with each
Ended = Literal["done", "failed", "cancelled"]
ENDED: tuple[Ended, ...] = ("done", "failed", "cancelled")
Job = TypeVar("Job", bound=Queued)
Only = ColumnElement[bool]
UPLOAD_LEASE = timedelta(minutes=2)  # renewed while bytes come; the last ones are looked at for a while
DUE, DUE_OF_ONE_KEY = 400, 200  # webhooks looked at in one turn


def clock(db: Session) -> datetime:
    """One clock for all machines: the store's own."""
    return now() if db.get_bind().dialect.name == "sqlite" else db.execute(select(func.clock_timestamp())).scalar_one()


def pause_s(attempts: int) -> float:
    """After so many, until the next."""
    return min(PAUSE_S * 2.0 ** min(attempts - 1, 16), LONGEST_PAUSE_S)


class Queue(Generic[Job]):
    def __init__(self, kind: type[Job], anew: dict[str, Any] | None = None) -> None:
        """`anew`: columns of a job that is begun from its beginning each time."""
        self._kind, self._anew = kind, anew or {}

    def free(self, db: Session, *only: Only) -> bool:
        """Whether there is anything to claim; takes no lock."""
        return db.scalar(select(self._kind.key).where(self._free(clock(db)), *only).limit(1)) is not None

    def claim(self, db: Session, worker: str, *only: Only) -> Job | None:
        """The oldest job that waits, or whose worker let its lease run out; from now on it is `worker`'s.

        One conditional UPDATE: of two who ask at once, one gets the row and the other gets another or none.
        """
        kind, at = self._kind, clock(db)
        oldest = select(kind.key).where(self._free(at), *only).order_by(kind.key).limit(1)
        chosen = oldest.with_for_update(skip_locked=True).scalar_subquery()
        values = {
            "state": "running",
            "worker": worker,
            "lease_until": at + LEASE,
            "attempts": kind.attempts + case((kind.state == "running", ATTEMPTS_IF_LOST), else_=1),
            "started_at": func.coalesce(kind.started_at, at),
        }
        claimed = update(kind).where(kind.key == chosen, self._free(at)).values(values | self._anew)
        return db.scalar(claimed.returning(kind).execution_options(populate_existing=True))

    def renew(self, db: Session, key: int, worker: str, values: dict[str, Any]) -> bool:
        """Prolong the lease and note how far the work is. False: it was lost, or the job is to be cancelled."""
        held = update(self._kind).where(self._held(key, worker), self._kind.cancelling.is_(False))
        return _changed(db, held.values(values | {"lease_until": clock(db) + LEASE}))

    def give_back(self, db: Session, key: int, worker: str, *, tried: bool, pause_s: float | None = None) -> None:
        """Let another have it, at once or after a pause; whether this time counts as an attempt."""
        until = None if pause_s is None else clock(db) + timedelta(seconds=pause_s)
        db.execute(
            update(self._kind).where(self._held(key, worker)).values(self._queued(tried) | {"lease_until": until})
        )

    def release(self, db: Session, process: str, *, tried: bool) -> int:
        """Let others have at once what workers of a process held that has ended. How many jobs these are."""
        held = (self._kind.state == "running", self._kind.worker.startswith(f"{process}/", autoescape=True))
        values = {"lease_until": clock(db)} if tried else self._queued(tried)
        return _count(db, update(self._kind).where(*held).values(values))

    def _queued(self, tried: bool) -> dict[str, Any]:
        attempts = self._kind.attempts - (0 if tried else 1)
        return {"state": "queued", "worker": None, "lease_until": None, "attempts": attempts} | self._anew

    def held(self, db: Session, key: int, worker: str) -> Job | None:
        """The row, locked until the transaction ends, if `worker` still has it."""
        query = select(self._kind).where(self._held(key, worker)).with_for_update()
        return db.scalar(query.execution_options(populate_existing=True))

    def _free(self, at: datetime) -> Only:
        """What waits, after its pause, or was lost."""
        kind = self._kind
        over = or_(kind.lease_until.is_(None), kind.lease_until < at)
        return and_(kind.state.in_(("queued", "running")), over)

    def _held(self, key: int, worker: str) -> Only:
        kind = self._kind
        return and_(kind.key == key, kind.worker == worker, kind.state == "running")


def end(db: Session, row: Queued, state: Ended) -> None:
    """From now on no worker has it."""
    row.state, row.worker, row.lease_until, row.cancelling = state, None, None, False
    row.finished_at = clock(db)


QUEUE = Queue(RecordingRow, {"progress": 0.0, "stage": None})


def get(db: Session, gallery_key: int, recording_id: str, *, lock: bool = False, answer: bool = False) -> RecordingRow:
    """Raises RecordingNotFound, also for one whose audio has not come yet. `answer` loads it as well."""
    query = _listed(gallery_key).where(RecordingRow.id == recording_id)
    if answer:
        query = query.options(undefer(RecordingRow.answer))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = db.scalar(query)
    if row is None:
        raise RecordingNotFound(recording_id)
    return row


def by_key(db: Session, key: int, *, lock: bool = False) -> RecordingRow | None:
    """`lock` holds the row until the transaction ends (PostgreSQL)."""
    return db.get(RecordingRow, key, with_for_update=True if lock else None)


def page(db: Session, gallery_key: int, *, before: str | None, limit: int, answer: bool = False) -> list[RecordingRow]:
    """Newest first, older than the recording id `before`. `answer` loads it as well."""
    query = _listed(gallery_key).order_by(RecordingRow.id.desc()).limit(limit)
    if answer:
        query = query.options(undefer(RecordingRow.answer))
    return list(db.scalars(query if before is None else query.where(RecordingRow.id < before)))


def waiting(db: Session, key_id: str | None) -> int:
    """Recordings that this API key sent whole and no worker has begun with."""
    mine = RecordingRow.key_id.is_(None) if key_id is None else RecordingRow.key_id == key_id
    query = select(func.count(RecordingRow.key)).where(mine, RecordingRow.state == "queued")
    return db.scalar(query) or 0


def count(db: Session, key: int, seconds: float) -> None:
    """So much more of it was counted for the quota of its key."""
    db.execute(update(RecordingRow).where(RecordingRow.key == key).values(counted_s=RecordingRow.counted_s + seconds))


def receive(db: Session, key: int, nth: int, piece: bytes) -> bool:
    """Keep one piece of audio that is coming in and prolong its lease; of an empty one, only prolong.

    False when the recording was erased meanwhile.
    """
    coming = update(RecordingRow).where(RecordingRow.key == key, RecordingRow.state == "receiving")
    size = RecordingRow.size + len(piece)
    if not _changed(db, coming.values(size=size, lease_until=clock(db) + UPLOAD_LEASE)):
        return False
    if piece:
        db.add(RecordingPieceRow(recording_key=key, nth=nth, bytes=piece))
    return True


def enqueue(db: Session, key: int, sha256: str, name: str | None, counted_s: float = 0.0) -> RecordingRow | None:
    """The audio is complete: from now on the job waits. None when the recording was erased meanwhile."""
    coming = select(RecordingRow).where(RecordingRow.key == key, RecordingRow.state == "receiving").with_for_update()
    row = db.scalar(coming.execution_options(populate_existing=True))
    if row is not None:
        row.state, row.worker, row.lease_until, row.sha256, row.name = "queued", None, None, sha256, name
        row.counted_s = counted_s
        db.flush()
    return row


def piece(db: Session, key: int, nth: int) -> bytes | None:
    """Raises DataDamaged."""
    at = (RecordingPieceRow.recording_key == key, RecordingPieceRow.nth == nth)
    found = db.scalar(select(RecordingPieceRow.bytes).where(*at))
    if is_damaged(found):
        raise DataDamaged("the audio of this recording")
    return found


def drop_pieces(db: Session, key: int, limit: int) -> bool:
    """Erase at most `limit` pieces of audio. Whether there were that many."""
    some = select(RecordingPieceRow.nth).where(RecordingPieceRow.recording_key == key).limit(limit)
    gone = delete(RecordingPieceRow).where(RecordingPieceRow.recording_key == key, RecordingPieceRow.nth.in_(some))
    return _count(db, gone) == limit


def remove(db: Session, row: RecordingRow) -> None:
    db.delete(row)
    db.flush()


def uploads(db: Session) -> list[tuple[int, str | None, bool]]:
    """Key and receiver of each recording that is coming in, and whether its lease ran out."""
    query = select(RecordingRow.key, RecordingRow.worker, RecordingRow.lease_until < clock(db))
    return [(row[0], row[1], bool(row[2])) for row in db.execute(query.where(RecordingRow.state == "receiving"))]


def states(db: Session) -> dict[str, int]:
    """How many recordings of the whole store are in each state: for the operator."""
    query = select(RecordingRow.state, func.count()).group_by(RecordingRow.state)
    return {row[0]: row[1] for row in db.execute(query)}


def with_leftover_audio(db: Session) -> list[int]:
    """Keys of recordings that ended and whose audio is there, but not to be kept."""
    query = (
        select(RecordingRow.key)
        .join(GalleryRow, GalleryRow.key == RecordingRow.gallery_key)
        .join(RecordingPieceRow, and_(RecordingPieceRow.recording_key == RecordingRow.key, RecordingPieceRow.nth == 0))
        .where(RecordingRow.state.in_(ENDED), GalleryRow.keep_audio.is_(False))
    )
    return list(db.scalars(query))


def to_notify(db: Session) -> list[RecordingRow]:
    """Those whose webhook is due, one of each API key, then the second of each, and so on."""
    place = func.row_number().over(partition_by=RecordingRow.key_id, order_by=RecordingRow.webhook_due)
    due = select(RecordingRow.key, place.label("place")).where(RecordingRow.webhook_due <= clock(db)).subquery()
    query = select(RecordingRow).join(due, due.c.key == RecordingRow.key).where(due.c.place <= DUE_OF_ONE_KEY)
    found = db.scalars(query.order_by(due.c.place, RecordingRow.webhook_due).limit(DUE))
    return [row for row in found if not is_damaged(row.webhook)]


def take_webhook(db: Session, row: RecordingRow, again_s: float | None) -> bool:
    """Whether this is the one who sends it now. `again_s`: when it is due again unless it gets through, None: never."""
    due = None if again_s is None else clock(db) + timedelta(seconds=again_s)
    mine = (RecordingRow.key == row.key, RecordingRow.webhook_tries == row.webhook_tries)
    values = {"webhook_due": due, "webhook_tries": row.webhook_tries + 1}
    return _changed(db, update(RecordingRow).where(*mine, RecordingRow.webhook_due.is_not(None)).values(values))


def notified(db: Session, key: int) -> None:
    db.execute(update(RecordingRow).where(RecordingRow.key == key).values(webhook_due=None))


def naming(db: Session, gallery_key: int, speaker_ids: Collection[str]) -> list[RecordingRow]:
    """Those whose answer or options name one of these speakers; held until the transaction ends (PostgreSQL)."""
    ids = sorted(speaker_ids)
    named = [cast(RecordingRow.options, Text).contains(one, autoescape=True) for one in ids]
    if keyring_of(db) is None:
        named += [cast(RecordingRow.answer, Text).contains(one, autoescape=True) for one in ids]
    else:
        of_gallery = RecordingRow.gallery_key == gallery_key
        mentioning = holding(db, RecordingRow.key, RecordingRow.answer, of_gallery, ids)
        named.append(is_in(db, RecordingRow.key, mentioning))
    query = select(RecordingRow).options(undefer(RecordingRow.answer))
    query = query.where(RecordingRow.gallery_key == gallery_key, or_(*named)).order_by(RecordingRow.key)
    return list(db.scalars(query.with_for_update().execution_options(populate_existing=True)))


def _listed(gallery_key: int) -> Select[RecordingRow]:
    return select(RecordingRow).where(RecordingRow.gallery_key == gallery_key, RecordingRow.state != "receiving")


def _changed(db: Session, statement: Any) -> bool:
    return _count(db, statement) == 1


def _count(db: Session, statement: Any) -> int:
    return int(db.execute(statement).rowcount)  # type: ignore[attr-defined]  # what a statement that writes returns
