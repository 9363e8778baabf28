"""Jobs spread over processes, one thread each: encoders gain nothing from more threads and lose much to contention."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder
from speakerid.errors import EncoderFailed
from speakerid.evaluation.embedding.recording_embedder import (
    EmbeddedRecording,
    EmbeddingJob,
    RecordingEmbedder,
    UnusableRecording,
)
from speakerid.evaluation.errors import WorkerDied

AHEAD = 4  # jobs handed to each worker before the first is done
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
T = TypeVar("T")
Outcome = EmbeddedRecording | UnusableRecording

_listener: RecordingEmbedder | None = None  # of a worker process: its jobs come without an encoder


def embed_all(
    jobs: Iterable[tuple[T, EmbeddingJob]], encoder: Encoder, spec: str, *, vad: bool, workers: int
) -> Generator[tuple[T, Outcome]]:
    """Outcomes as they come; `spec` is what other processes load the encoder by. Close it to end them.

    Raises EncoderFailed, WorkerDied.
    """
    if workers == 1:
        listener = RecordingEmbedder(encoder, vad=vad)
        for tag, job in jobs:
            yield tag, listener.hear(job)
        return
    threads = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # children read it when they load their libraries
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(spec, vad))
    try:
        yield from _spread(jobs, pool, workers * AHEAD)
    except BrokenProcessPool as error:
        raise WorkerDied from error
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in threads.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _spread(
    jobs: Iterable[tuple[T, EmbeddingJob]], pool: ProcessPoolExecutor, ahead: int
) -> Iterator[tuple[T, Outcome]]:
    waiting: dict[Future[Outcome | str], T] = {}
    for tag, job in jobs:
        waiting[pool.submit(_hear, job)] = tag
        if len(waiting) >= ahead:
            yield from _finished(waiting)
    while waiting:
        yield from _finished(waiting)


def _finished(waiting: dict[Future[Outcome | str], T]) -> Iterator[tuple[T, Outcome]]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        tag, outcome = waiting.pop(future), future.result()
        if isinstance(outcome, str):
            raise EncoderFailed(outcome)
        yield tag, outcome


def _begin(spec: str, vad: bool) -> None:
    global _listener
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers, and tells the user once
    _listener = RecordingEmbedder(load_encoder(spec), vad=vad)


def _hear(job: EmbeddingJob) -> Outcome | str:
    assert _listener is not None
    return safely(_listener, job)


def safely(listener: RecordingEmbedder, job: EmbeddingJob) -> Outcome | str:
    """Errors of the encoder as a sentence: an exception that takes arguments does not survive pickling."""
    try:
        return listener.hear(job)
    except EncoderFailed as error:
        return str(error)
