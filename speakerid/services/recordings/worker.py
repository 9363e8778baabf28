"""Threads that work on the recordings of a store, in a server or in a process of their own, each job under a lease."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, keys, recordings
from speakerid.db.types import new_id
from speakerid.errors import (
    EncoderMismatch,
    KeyQuotaReached,
    Overloaded,
    RecordingAbandoned,
    StoreError,
)
from speakerid.services import quota
from speakerid.services.engine import Engine
from speakerid.services.recording import DiarizedRecording, diarize_and_name
from speakerid.services.recordings import audio as stored_audio
from speakerid.services.recordings import erase, results, save
from speakerid.services.recordings.save import Claimed, End
from speakerid.services.recordings.webhooks import Notice, Sender
from speakerid.types import JobOptions, JobStage

logger = logging.getLogger(__name__)

IDLE_S = 1.0  # between two looks into an empty queue
STORE_AWAY_S = 5.0
STOP_S = 30.0
UNFIT_S = 60.0  # the longest pause of a machine that cannot work: what waits, another may take meanwhile
KEPT_S = 600.0  # for so long an answer is kept that the store does not take
RENEW_S = 1.0  # of a lease; also how soon a cancellation is noticed, and an end written once the store is back
LEASE_S = recordings.LEASE.total_seconds()
# How far the work is where the length of a recording is not known.
BEGINS: dict[JobStage, float] = {"speech": 0.0, "clusters": 0.95, "names": 0.98}


class JobThreads:
    """Threads that do one piece of work after the other, until they are stopped."""

    def __init__(self, turns: dict[str, Callable[[str], bool]], process: str | None = None) -> None:
        """By a thread's name; a turn gets who it works as, and says whether there was anything to do.

        Workers are called by their `process`, which is to be unique, and by their thread.
        """
        self._process_name = process or new_id("wrk")
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._go_on, args=(turn,), name=name, daemon=True) for name, turn in turns.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What is worked on waits again, for another process."""
        self._ending.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def _go_on(self, turn: Callable[[str], bool]) -> None:
        worker = f"{self._process_name}/{threading.current_thread().name}"
        while not self._ending.is_set():
            try:
                pause_s = 0.0 if turn(worker) else IDLE_S
            except (StoreError, Overloaded) as error:
                logger.warning("the store is away: %s", error)
                pause_s = STORE_AWAY_S
            except Exception as error:  # the next turn may go well; whatever job this was has ended or its lease will
                logger.error("a worker failed", exc_info=error)
                pause_s = STORE_AWAY_S
            self._ending.wait(pause_s)


class Worker(JobThreads):
    """`jobs` recordings at a time, one thread that calls webhooks where there is a `notice`, and one that clears up."""

    def __init__(
        self,
        engine: Engine,
        jobs: int,
        notice: Notice | None = None,
        *,
        clears: bool = True,
        process: str | None = None,
    ) -> None:
        """`clears` False: another process beside this one clears up."""
        self._engine = engine
        self._sender = None if notice is None else Sender(engine, notice)
        self._changed = threading.Lock()
        self._working, self._left = 0, time.monotonic()
        self._unfit = 0  # recordings in a row that this machine could not work on
        turns: dict[str, Callable[[str], bool]] = {f"recordings-{nth}": self._work for nth in range(jobs)}
        turns |= {} if self._sender is None else {"webhooks": partial(_send, self._sender)}
        super().__init__(turns | ({"leftovers": self._clear} if clears else {}), process)

    def stop(self) -> None:
        super().stop()
        if self._sender is not None:
            self._sender.close()

    def idle_s(self) -> float:
        """How long there has been no recording to work on."""
        with self._changed:
            return 0.0 if self._working else time.monotonic() - self._left

    def _work(self, worker: str) -> bool:
        """Whether there was a job."""
        row = claim(self._engine, worker)
        if row is not None:
            with self._noticed(), self._engine.traces.job("recording"):
                fit = run(self._engine, row, self._ending)
            self._unfit = 0 if fit else self._unfit + 1
            self._ending.wait(0.0 if fit else min(recordings.pause_s(self._unfit), UNFIT_S))
        return row is not None

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        with self._changed:
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working, self._left = self._working - 1, time.monotonic()

    def _clear(self, worker: str) -> bool:
        """Hours of audio are erased for seconds, which no webhook waits for."""
        erase.leftovers(self._engine)
        return False


def _send(sender: Sender, _worker: str) -> bool:
    return sender.turn()


def is_waiting(engine: Engine) -> bool:
    """Whether there is a job to claim; takes no lock."""
    with engine.read() as db:
        return recordings.QUEUE.free(db)


def claim(engine: Engine, worker: str) -> RecordingRow | None:
    """A job for `worker`, None when there is none."""
    if not is_waiting(engine):
        return None
    with engine.write() as db:
        return recordings.QUEUE.claim(db, worker)


def run(engine: Engine, row: RecordingRow, ending: threading.Event) -> bool:
    """Whatever happens, the job has ended then, waits again, or is another's. False: through a fault of this machine.

    Raises StoreError when the process is to end and the store does not take it.
    """
    assert row.worker is not None
    job = Claimed(row.key, row.gallery_key, row.worker)
    if row.cancelling:
        end = End(partial(save.cancelled, engine, job))
    elif row.attempts > recordings.ATTEMPTS:
        end = End(partial(save.refused, engine, job, RecordingAbandoned()))
    else:
        end = _work(engine, job, row, ending)
    save.insist(end.write, ending, RENEW_S)
    return end.fit


def _work(engine: Engine, job: Claimed, row: RecordingRow, ending: threading.Event) -> End:
    try:
        with engine.read() as db:
            gallery = galleries.by_key(db, row.gallery_key)
        if gallery is None:
            return End(lambda: None)  # erased, and the recording with it
        with RecordingLease(engine, job, ending) as lease:
            options = _options(engine, gallery, row)
            audio = stored_audio.stored(engine, row.key, row.size)
            serving = engine.serving(gallery)
            meter = None if row.key_id is None else _meter(engine, row, row.key_id)
            watch = lease.watch if meter is None else meter.before(lease.watch)
            found = diarize_and_name(serving, gallery, audio, options, watch, lease.at)
            kept = _kept(serving, job, found, ending)
        if not kept or meter is None:
            return End(lambda: None)
        return End(partial(quota.add, engine.database, meter.key_id, found.recording.seconds - meter.seconds))
    except (Stop, stored_audio.AudioGone):
        return End(partial(save.stopped, engine, job))
    except EncoderMismatch as error:
        return End(partial(_mismatched, engine, job, gallery, error))
    except KeyQuotaReached as error:
        return End(partial(save.refused, engine, job, error))
    except Exception as error:
        return save.after(error, engine, job, row)


def _kept(engine: Engine, job: Claimed, found: DiarizedRecording, ending: threading.Event) -> bool:
    """Whether the job was still this one's. Raises Stop, StoreError when the store does not take it for very long."""
    until = time.monotonic() + KEPT_S
    warned = False
    while True:
        try:
            return save.done(engine, job, found)
        except (StoreError, Overloaded) as error:
            if time.monotonic() > until:
                raise
            if not warned:
                logger.warning("an answer cannot be kept yet: %s", error)
            warned = True
            if ending.wait(RENEW_S):
                raise Stop from error


def _meter(engine: Engine, row: RecordingRow, key_id: str) -> quota.RecordingMeter:
    """Of what was not known to be in it when it was taken in."""
    with engine.read() as db:
        limit = keys.audio_quota(db, key_id)
    return quota.RecordingMeter(engine.database, key_id, limit, row.key, row.counted_s)


def _mismatched(engine: Engine, job: Claimed, gallery: GalleryRow | None, error: EncoderMismatch) -> None:
    """The gallery may have moved to another encoder meanwhile."""
    with engine.read() as db:
        now = galleries.by_key(db, job.gallery_key)
    if gallery is not None and now is not None and now.encoder_fingerprint != gallery.encoder_fingerprint:
        save.give_back(engine, job, tried=True)
    else:
        save.refused(engine, job, error)


def _options(engine: Engine, gallery: GalleryRow, row: RecordingRow) -> JobOptions:
    asked = results.options(row)
    if asked.candidates is None:
        return asked
    with engine.read() as db:
        today = results.today(db, gallery.key, asked.candidates).values()
    return replace(asked, candidates=tuple(one.id for one in today))


class Stop(Exception):
    """The work on a job has to end: another has it, it was cancelled or erased, or this process is to end."""


class Lease:
    """Use it in a `with` block. `noted`: columns of the job's row as the next renewal writes them."""

    def __init__(self, engine: Engine, queue: recordings.Queue[Any], job: Claimed, ending: threading.Event) -> None:
        self._engine, self._queue, self._job = engine, queue, job
        self._ending = ending  # the process is to end
        self._lost = threading.Event()
        self._over = threading.Event()
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self.noted: dict[str, Any] = {}

    def check(self) -> None:
        """Raises Stop."""
        if self._lost.is_set() or self._ending.is_set():
            raise Stop

    def wait(self, seconds: float) -> None:
        """Raises Stop."""
        self._lost.wait(seconds)
        self.check()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(RENEW_S):
            if not self._renew():
                self._lost.set()
                return

    def _renew(self) -> bool:
        try:
            with self._engine.write() as db:
                kept = self._queue.renew(db, self._job.key, self._job.worker, dict(self.noted))
        except (StoreError, Overloaded) as error:
            logger.warning("the lease on a job could not be renewed: %s", error)
            return time.monotonic() - self._renewed < LEASE_S
        self._renewed = time.monotonic()
        return kept


class RecordingLease(Lease):
    """Give `watch` and `at` to the work, which they end by raising Stop."""

    def __init__(self, engine: Engine, job: Claimed, ending: threading.Event) -> None:
        super().__init__(engine, recordings.QUEUE, job, ending)
        self._measured = False  # the length of the recording is known
        self.noted = {"progress": 0.0, "stage": None}

    def watch(self, done: float, total: float | None) -> None:
        """Raises Stop."""
        if total:
            self.noted["progress"], self._measured = min(done / total, 1.0), True
        self.check()

    def at(self, stage: JobStage) -> None:
        """Raises Stop."""
        self.noted["stage"] = stage
        if not self._measured:
            self.noted["progress"] = max(self.noted["progress"], BEGINS[stage])
        self.check()
