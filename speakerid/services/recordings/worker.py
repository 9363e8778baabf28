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

from speakerid.audio.byte_source import ByteSource, sha256
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, keys, recordings
from speakerid.db.types import new_id, now
from speakerid.errors import (
    DecoderUnavailable,
    EncoderFailed,
    EncoderMismatch,
    KeyQuotaReached,
    Overloaded,
    RecordingAbandoned,
    SpeakeridError,
    StoreError,
)
from speakerid.services import quota, validation
from speakerid.services.engine import Engine
from speakerid.services.recording import Watch, diarize_and_name, unwatched
from speakerid.services.recordings import audio as stored_audio
from speakerid.services.recordings import erase, results, save, submit
from speakerid.services.recordings.save import Claimed
from speakerid.services.recordings.webhooks import Notice, Sender
from speakerid.types import JobOptions, JobStage, Recording, to_json

logger = logging.getLogger(__name__)

IDLE_S = 1.0  # between two looks into an empty queue
STORE_AWAY_S = 5.0
STOP_S = 30.0
ATTEMPTS = 3  # a recording that ends every process that works on it is not tried for ever
INTERNAL = "internal_error"
UNFORESEEN = "The server failed on this recording. Its log has the cause under this recording's id."
RENEW_S = 1.0  # also how soon a cancellation is noticed
LEASE_S = recordings.LEASE.total_seconds()
# How far the work is where the length of a recording is not known.
BEGINS: dict[JobStage, float] = {"speech": 0.0, "clusters": 0.95, "names": 0.98}


class JobThreads:
    """Threads that do one piece of work after the other, until they are stopped."""

    def __init__(self, turns: dict[str, Callable[[str], bool]]) -> None:
        """By a thread's name; a turn gets who it works as, and says whether there was anything to do."""
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
        worker = new_id("wrk")
        while not self._ending.is_set():
            try:
                pause_s = 0.0 if turn(worker) else IDLE_S
            except StoreError as error:
                logger.warning("the store is away: %s", error)
                pause_s = STORE_AWAY_S
            except Exception as error:  # the next turn may go well; whatever job this was has ended or its lease will
                logger.error("a worker failed", exc_info=error)
                pause_s = STORE_AWAY_S
            self._ending.wait(pause_s)


class Worker(JobThreads):
    """`jobs` recordings at a time, one thread that calls webhooks where there is a `notice`, and one that clears up."""

    def __init__(self, engine: Engine, jobs: int, notice: Notice | None = None, *, clears: bool = True) -> None:
        """`clears` False: another process beside this one clears up."""
        self._engine = engine
        self._sender = None if notice is None else Sender(engine, notice)
        self._changed = threading.Lock()
        self._working, self._left = 0, time.monotonic()
        turns: dict[str, Callable[[str], bool]] = {f"recordings-{nth}": self._work for nth in range(jobs)}
        turns |= {} if self._sender is None else {"webhooks": partial(_send, self._sender)}
        super().__init__(turns | ({"leftovers": self._clear} if clears else {}))

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
                run(self._engine, row, self._ending)
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


def run(engine: Engine, row: RecordingRow, ending: threading.Event) -> None:
    """Whatever happens, the job has ended then, waits again, or is another's. Raises StoreError."""
    assert row.worker is not None
    job = Claimed(row.key, row.gallery_key, row.worker)
    if row.cancelling:
        save.cancelled(engine, job)
    elif row.attempts > ATTEMPTS:
        save.refused(engine, job, RecordingAbandoned(ATTEMPTS))
    else:
        _work(engine, job, row, ending)


def _work(engine: Engine, job: Claimed, row: RecordingRow, ending: threading.Event) -> None:
    try:
        with engine.read() as db:
            gallery = galleries.by_key(db, row.gallery_key)
        if gallery is None:
            return  # erased, and the recording with it
        with RecordingLease(engine, job, ending) as lease:
            options = _options(engine, gallery, row)
            audio = stored_audio.stored(engine, row.key, row.size)
            serving = engine.serving(gallery)
            meter = None if row.key_id is None else _meter(engine, row, row.key_id)
            watch = lease.watch if meter is None else meter.before(lease.watch)
            found = diarize_and_name(serving, gallery, audio, options, watch, lease.at)
        if save.done(serving, job, found) and meter is not None:
            quota.add(engine.database, meter.key_id, found.recording.seconds - meter.seconds)
    except (Stop, stored_audio.AudioGone):
        _stopped(engine, job)
    except EncoderMismatch as error:
        if gallery is not None and _moved(engine, gallery):  # meanwhile
            _give_back(engine, job, tried=True)
        else:
            save.refused(engine, job, error)
    except KeyQuotaReached as error:
        save.refused(engine, job, error)
    except (Overloaded, StoreError, DecoderUnavailable) as error:
        logger.warning("recording %s has to be begun anew: %s", row.id, error)
        _give_back(engine, job, tried=True)
    except EncoderFailed as error:
        logger.error("recording %s: %s", row.id, error.code, exc_info=error)
        save.failed(engine, job, error.code, UNFORESEEN)
    except SpeakeridError as error:
        save.refused(engine, job, error)
    except Exception as error:
        logger.error("recording %s failed", row.id, exc_info=error)
        save.failed(engine, job, INTERNAL, UNFORESEEN)


def _meter(engine: Engine, row: RecordingRow, key_id: str) -> quota.RecordingMeter:
    """Of what was not known to be in it when it was taken in."""
    with engine.read() as db:
        limit = keys.audio_quota(db, key_id)
    return quota.RecordingMeter(engine.database, key_id, limit, row.key, row.counted_s)


def _moved(engine: Engine, gallery: GalleryRow) -> bool:
    """Whether the gallery has another encoder now."""
    with engine.read() as db:
        now = galleries.by_key(db, gallery.key)
    return now is not None and now.encoder_fingerprint != gallery.encoder_fingerprint


def _options(engine: Engine, gallery: GalleryRow, row: RecordingRow) -> JobOptions:
    asked = results.options(row)
    if asked.candidates is None:
        return asked
    with engine.read() as db:
        today = results.today(db, gallery.key, asked.candidates).values()
    return replace(asked, candidates=tuple(one.id for one in today))


def _stopped(engine: Engine, job: Claimed) -> None:
    """Cancelled, or left to another; where it was lost or erased, both change nothing."""
    with engine.read() as db:
        row = recordings.QUEUE.held(db, job.key, job.worker)
    if row is not None and row.cancelling:
        save.cancelled(engine, job)
    else:
        _give_back(engine, job, tried=False)


def _give_back(engine: Engine, job: Claimed, *, tried: bool) -> None:
    with engine.write() as db:
        recordings.QUEUE.give_back(db, job.key, job.worker, tried=tried)


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


def run_now(
    engine: Engine,
    gallery: GalleryRow,
    audio: ByteSource,
    options: JobOptions,
    watch: Watch = unwatched,
    *,
    name: str | None = None,
) -> Recording:
    """Diarize and name here and now, and keep the answer as that of a job that is done, but not the audio.

    Raises what `services.recording.recording` does, and GalleryNotFound.
    """
    began, called = now(), None if name is None else validation.name(name)
    found, digest = diarize_and_name(engine, gallery, audio, options, watch), sha256(audio)
    with engine.write() as db:
        gallery = galleries.get(db, gallery.name, lock="change")
        known = save.still_known(db, gallery.key, found.recording)
        row = RecordingRow(
            id=new_id("rec"),
            name=called,
            gallery_key=gallery.key,
            options=to_json(submit.with_ids(db, gallery, options)),
            sha256=digest,
            created_at=began,
            started_at=began,
        )
        save.end(db, row, "done")
        db.add(row)
        db.flush()
        save.answer(engine, db, gallery, row, found, known)
    with engine.read() as db:
        return results.timeline(db, gallery, row.id)
