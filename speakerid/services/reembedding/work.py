"""Make a gallery's embeddings anew, utterance by utterance, and let the gallery have them all in one transaction.

What is made is kept in the store as it comes, so that another process goes on where this one was killed. From the
switch on it counts, and is read from where it is kept (`utterances.as_of_now`) until it is put in place, some rows at
a time: with audio in them they are too many for one transaction, which all writers of a SQLite store would wait for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import islice

from speakerid.db.models import ReembeddingRow, UtteranceRow
from speakerid.db.repositories import galleries, moving, recordings, reembeddings
from speakerid.db.types import new_id
from speakerid.errors import (
    AudioError,
    AudioUnusable,
    ClusterFailed,
    DataDamaged,
    DecoderKilled,
    EncoderFailed,
    EncoderWorkerLost,
    ExtraMissing,
    Overloaded,
    ReembeddingAbandoned,
    ReembeddingFailed,
    SpeakeridError,
)
from speakerid.services.engine import Engine
from speakerid.services.galleries import remake_voiceprints
from speakerid.services.probe import prepare_probe
from speakerid.services.recordings import faults
from speakerid.services.recordings.save import Claimed
from speakerid.services.recordings.worker import JobThreads, Lease, Stop
from speakerid.services.reembedding import jobs
from speakerid.types import FloatArray, Reembedding

logger = logging.getLogger(__name__)

AT_ONCE = 16  # utterances whose embeddings are lost at a kill
ATTEMPTS = recordings.ATTEMPTS  # without one utterance made
AGAIN_S = 1.0  # where others fill the encoder's queue
Watch = Callable[[float, float | None], None]  # percent done, and 100
# Embeddings (dim,) of a gallery's utterances by other machines, by their keys, in their order; None for what failed.
Elsewhere = Callable[[int, Sequence[int]], Generator[FloatArray | None]]


def unwatched(done: float, total: float | None) -> None:
    """Progress that is not watched."""


class Mover(JobThreads):
    """A thread that works on what is to be moved, one gallery at a time."""

    def __init__(self, engine: Engine, *, working: bool = True) -> None:
        self._engine = engine
        super().__init__({"reembedding": self._turn} if working else {})

    def _turn(self, worker: str) -> bool:
        row = claim(self._engine, worker)
        if row is not None:
            run(self._engine, row, self._ending)
        return row is not None


def claim(engine: Engine, worker: str, job_id: str | None = None) -> ReembeddingRow | None:
    """A job for `worker` to an encoder that this process has, or the one with this id; None when there is none."""
    mine = ReembeddingRow.encoder_fingerprint.in_([one.encoder.fingerprint for one in engine.each])
    only = (mine,) if job_id is None else (mine, ReembeddingRow.id == job_id)
    with engine.read() as db:
        if not reembeddings.QUEUE.free(db, *only):
            return None
    with engine.write() as db:
        return reembeddings.QUEUE.claim(db, worker, *only)


def run_here(
    engine: Engine,
    gallery: str,
    encoder: str | None = None,
    watch: Watch = unwatched,
    elsewhere: Elsewhere | None = None,
) -> Reembedding:
    """Begin it or go on with it, and wait until it has ended. What another process works on is left to it.

    Raises what `jobs.start` does, StoreError, and what `elsewhere` does.
    """
    job, worker, ending = jobs.start(engine, gallery, encoder), new_id("wrk"), threading.Event()
    while job.state in ("queued", "running"):
        row = claim(engine, worker, job.id)
        if row is not None:
            run(engine, row, ending, watch, elsewhere)
        else:
            ending.wait(AGAIN_S)
        job = jobs.latest(engine, gallery)
        watch(job.progress, 100.0)
    return job


def run(
    engine: Engine,
    row: ReembeddingRow,
    ending: threading.Event,
    watch: Watch = unwatched,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Whatever happens, the job has ended then, waits again, or is another's. Raises StoreError, ClusterFailed."""
    assert row.worker is not None
    job = Claimed(row.key, row.gallery_key, row.worker)
    target = next(one for one in engine.each if one.encoder.fingerprint == row.encoder_fingerprint)
    move = _Move(target, job, row, elsewhere)
    if row.cancelling:
        _end(engine, job, None)
    elif row.attempts > ATTEMPTS and not move.is_switched():
        _end(engine, job, ReembeddingAbandoned())
    else:
        ending.wait(AGAIN_S if row.attempts > ATTEMPTS else 0.0)  # the gallery has it: the rest cannot be given up
        _work(engine, move, ending, watch)


def _work(engine: Engine, move: _Move, ending: threading.Event, watch: Watch) -> None:
    job = move.job
    try:
        with Lease(engine, reembeddings.QUEUE, job, ending) as lease:
            move.run(lease, watch)
    except Stop:
        _stopped(engine, job)
    except (ClusterFailed, ExtraMissing):
        _give_back(engine, job, tried=False)
        raise
    except Exception as error:
        if faults.is_of_machine(error) or isinstance(error, EncoderWorkerLost):
            what = str(error) or type(error).__name__
            logger.warning("a gallery's move to another encoder has to go on later: %s", what)
            _go_on_later(engine, job, error)
        elif isinstance(error, SpeakeridError) and not isinstance(error, EncoderFailed):
            _end(engine, job, error)
        else:
            logger.error("reembedding %s failed", move.row.id, exc_info=error)
            _end(engine, job, ReembeddingFailed())


class _Move:
    """The work on one job, by the engine of the encoder that the gallery moves to."""

    def __init__(self, engine: Engine, job: Claimed, row: ReembeddingRow, elsewhere: Elsewhere | None) -> None:
        self.engine, self.job, self.row, self._elsewhere = engine, job, row, elsewhere

    def run(self, lease: Lease, watch: Watch) -> None:
        """Raises Stop, AudioNotKept, AudioUnusable, ClusterFailed, EncoderError, and what `faults` names."""
        if self._elsewhere is not None and not self.is_switched():
            self._embed_elsewhere(self._elsewhere, lease, watch)
        while not self.is_switched():
            self._embed(lease, watch)
            lease.check()
            self._switch()
        watch(100.0, 100.0)
        while self._put_in_place():
            lease.check()

    def is_switched(self) -> bool:
        with self.engine.read() as db:
            return reembeddings.is_switched(db, self.row)

    def _embed_elsewhere(self, elsewhere: Elsewhere, lease: Lease, watch: Watch) -> None:
        """What is missing now. What fails there is tried here, like who is enrolled meanwhile."""
        with self.engine.read() as db:
            keys = reembeddings.keys_missing(db, self.row)
        done, of = self._so_far()
        with closing(elsewhere(self.job.gallery_key, keys)) as embeddings:
            pairs = zip(keys, embeddings, strict=True)
            while some := list(islice(pairs, AT_ONCE)):
                lease.check()
                self._keep({key: embedding for key, embedding in some if embedding is not None})
                done += len(some)
                self._note(done, of, lease, watch)

    def _so_far(self) -> tuple[int, int]:
        """Embeddings that are made, of how many."""
        with self.engine.read() as db:
            return (
                reembeddings.count_made(db, self.row.key),
                reembeddings.count_utterances(db, self.job.gallery_key),
            )

    @staticmethod
    def _note(done: int, of: int, lease: Lease, watch: Watch) -> None:
        progress = min(done / max(of, done, 1), 1.0)
        lease.noted["progress"] = progress
        watch(100.0 * progress, 100.0)

    def _embed(self, lease: Lease, watch: Watch) -> None:
        """All that is missing, who is enrolled meanwhile included."""
        done, of = self._so_far()
        with self.engine.read() as db:
            missing = reembeddings.keys_missing(db, self.row)
        unusable = list[int]()
        for start in range(0, len(missing), AT_ONCE):
            rows = self._utterances(missing[start : start + AT_ONCE])
            made = {row.key: one for row in rows if (one := self._embedding(row, lease)) is not None}
            unusable += [row.key for row in rows if row.key not in made]
            self._keep(made)
            done += len(rows)
            self._note(done, of, lease, watch)
        self._refuse(unusable)

    def _utterances(self, keys: list[int]) -> list[UtteranceRow]:
        with self.engine.read() as db:
            return reembeddings.by_keys(db, self.row, keys)

    def _embedding(self, row: UtteranceRow, lease: Lease) -> FloatArray | None:
        """None for audio that cannot be decoded, or has too little speech for the encoder. Raises Stop."""
        while True:
            lease.check()
            try:
                return prepare_probe(self.engine, self._audio(row), min_speech_s=0.0, background=True).embedding
            except DecoderKilled:
                raise  # says nothing about the audio
            except (AudioError, DataDamaged) as error:
                logger.warning("the audio of %s cannot be used any more: %s", row.id, error.code)
                return None
            except Overloaded:
                lease.wait(AGAIN_S)

    def _audio(self, row: UtteranceRow) -> bytes:
        """One at a time: a file may have as many bytes as a request. Raises DataDamaged."""
        with self.engine.read() as db:
            return moving.audio(db, row.gallery_key, row.key)

    def _keep(self, made: dict[int, FloatArray]) -> None:
        """Raises Stop."""
        with self.engine.write() as db:
            row = reembeddings.QUEUE.held(db, self.job.key, self.job.worker)
            if row is None:
                raise Stop
            reembeddings.add(db, row, made)
            if made:
                row.attempts = 1

    def _refuse(self, unusable: list[int]) -> None:
        """Raises AudioNotKept, AudioUnusable: for utterances that are still there."""
        if not unusable:
            return
        with self.engine.read() as db:
            jobs.require_audio(db, self.job.gallery_key)
            if ids := reembeddings.ids_missing(db, self.row, unusable):
                raise AudioUnusable(ids)

    def _switch(self) -> None:
        """Nothing, where somebody was enrolled meanwhile: their utterances come first. Raises Stop."""
        with self.engine.write() as db:
            gallery = galleries.hold(db, self.job.gallery_key)
            row = reembeddings.QUEUE.held(db, self.job.key, self.job.worker)
            if gallery is None or row is None or row.cancelling:
                raise Stop
            if reembeddings.any_missing(db, row):
                return
            reembeddings.hold_speakers(db, gallery.key)
            gallery.encoder_name, gallery.encoder_fingerprint = row.encoder_name, row.encoder_fingerprint
            gallery.version += 1
            db.flush()
            remake_voiceprints(db, gallery.key)

    def _put_in_place(self) -> bool:
        """Whether anything is left to do. Raises Stop."""
        with self.engine.write() as db:
            row = reembeddings.QUEUE.held(db, self.job.key, self.job.worker)
            if row is None:
                raise Stop
            row.attempts = 1
            if reembeddings.put_in_place(db, row):
                return True
            jobs.end(db, row, "done")
        return False


def _stopped(engine: Engine, job: Claimed) -> None:
    """Cancelled, or left to another; where it was lost or erased, both change nothing."""
    with engine.read() as db:
        row = reembeddings.QUEUE.held(db, job.key, job.worker)
    if row is not None and row.cancelling:
        _end(engine, job, None)
    else:
        _give_back(engine, job, tried=False)


def _go_on_later(engine: Engine, job: Claimed, error: Exception) -> None:
    """After a pause, for a fault of the machine to pass."""
    with engine.read() as db:
        row = reembeddings.QUEUE.held(db, job.key, job.worker)
    if row is not None and row.attempts >= ATTEMPTS:
        _end(engine, job, ReembeddingAbandoned(faults.reason(error)))
    elif row is not None:
        _give_back(engine, job, tried=True, pause_s=recordings.pause_s(row.attempts))


def _give_back(engine: Engine, job: Claimed, *, tried: bool, pause_s: float | None = None) -> None:
    with engine.write() as db:
        reembeddings.QUEUE.give_back(db, job.key, job.worker, tried=tried, pause_s=pause_s)


def _end(engine: Engine, job: Claimed, error: SpeakeridError | None) -> None:
    """Failed with this error, without one cancelled; unless the job was lost meanwhile.

    What the gallery has already is not taken from it: the rest of the work is tried again.
    """
    with engine.write(erase=True) as db:
        row = reembeddings.QUEUE.held(db, job.key, job.worker)
        if row is not None and reembeddings.is_switched(db, row):
            row.cancelling = False
            db.flush()
            reembeddings.QUEUE.give_back(db, job.key, job.worker, tried=True)
        elif row is not None:
            jobs.end(db, row, "cancelled" if error is None else "failed", error)
