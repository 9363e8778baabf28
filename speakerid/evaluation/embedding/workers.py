"""Recordings to embeddings, by this process, several with one thread each, or a Ray cluster.

Encoders gain nothing from more threads and lose much to contention.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from speakerid.audio.decode import Preparer, decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ, DecodeLimits
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.cluster.actors import spread
from speakerid.cluster.listening import same_encoder
from speakerid.encoders.base import Encoder
from speakerid.errors import AudioError, EncoderFailed, EncoderInputInvalid, FileMissing
from speakerid.evaluation.errors import WorkerDied
from speakerid.types import FloatArray

AHEAD = 4  # jobs handed to each worker before the first is done
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
T = TypeVar("T")
MAX_BYTES = 2 * 1024**3
LIMITS = DecodeLimits(max_seconds=6 * 3600.0, max_samples=6 * 3600 * 48_000)  # 6 h of 48 kHz mono


@dataclass(frozen=True)
class EmbeddingJob:
    path: Path
    start_s: float = 0.0
    duration_s: float | None = None

    @property
    def part(self) -> str:
        if not self.start_s and self.duration_s is None:
            return "whole"
        return f"{self.start_s:g}+{'' if self.duration_s is None else format(self.duration_s, 'g')}"


@dataclass(frozen=True)
class EmbeddedRecording:
    embedding: FloatArray  # (dim,), L2-normalized
    audio_s: float  # of the part that was asked for


@dataclass(frozen=True)
class UnusableRecording:
    reason: str  # a sentence


Outcome = EmbeddedRecording | UnusableRecording


class RecordingEmbedder:
    """Published protocols embed whole files; `vad` leaves out pauses as the service does."""

    def __init__(self, encoder: Encoder, *, vad: bool) -> None:
        self._encoder = encoder
        self._preparer = Preparer(SileroVad()) if vad else None

    def embed(self, job: EmbeddingJob) -> Outcome:
        """Long audio is embedded in windows, as in serving. Raises EncoderFailed."""
        try:
            samples = _cut(decode(read_file(job.path, MAX_BYTES), limits=LIMITS), job)
            audio_s = len(samples) / SAMPLE_RATE_HZ
            speech = samples if self._preparer is None else self._preparer.clean(samples).samples
            return EmbeddedRecording(self._encoder.embed([speech])[0], audio_s)
        except (AudioError, FileMissing, EncoderInputInvalid) as error:
            return UnusableRecording(str(error))


def _cut(samples: FloatArray, job: EmbeddingJob) -> FloatArray:
    start = round(job.start_s * SAMPLE_RATE_HZ)
    end = None if job.duration_s is None else start + round(job.duration_s * SAMPLE_RATE_HZ)
    return np.ascontiguousarray(samples[start:end])


_embedder: RecordingEmbedder | None = None  # of a worker process: its jobs come without an encoder


def embed_all(
    jobs: Iterable[tuple[T, EmbeddingJob]], encoder: Encoder, spec: str, *, vad: bool, workers: int
) -> Generator[tuple[T, Outcome]]:
    """Outcomes as they come; `spec` is what other processes load the encoder by. Close it to end them.

    Raises EncoderFailed, WorkerDied.
    """
    if workers == 1:
        embedder = RecordingEmbedder(encoder, vad=vad)
        for tag, job in jobs:
            yield tag, embedder.embed(job)
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


def embed_all_on_ray(
    jobs: Iterable[tuple[T, EmbeddingJob]], encoder: Encoder, spec: str, *, vad: bool, workers: int
) -> Generator[tuple[T, Outcome]]:
    """The same by `workers` actors of a Ray cluster, in the order of the jobs. Raises ExtraMissing, ClusterFailed."""
    waiting = list(jobs)
    arguments = (spec, encoder.fingerprint, vad)
    with closing(spread(_rays_embedder, arguments, [job for _, job in waiting], workers=workers)) as outcomes:
        for (tag, _), outcome in zip(waiting, outcomes, strict=True):
            yield tag, outcome


def _rays_embedder(spec: str, fingerprint: str, vad: bool) -> Callable[[EmbeddingJob], Outcome]:
    return RecordingEmbedder(same_encoder(spec, fingerprint), vad=vad).embed


def _spread(
    jobs: Iterable[tuple[T, EmbeddingJob]], pool: ProcessPoolExecutor, ahead: int
) -> Iterator[tuple[T, Outcome]]:
    waiting: dict[Future[Outcome | str], T] = {}
    for tag, job in jobs:
        waiting[pool.submit(_embed, job)] = tag
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
    global _embedder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers, and reports to the user once
    _embedder = RecordingEmbedder(load_encoder(spec), vad=vad)


def _embed(job: EmbeddingJob) -> Outcome | str:
    """Errors of the encoder as a sentence: an exception that takes arguments does not survive pickling."""
    assert _embedder is not None
    try:
        return _embedder.embed(job)
    except EncoderFailed as error:
        return str(error)
