"""From recordings to embeddings: what the cache has is taken from it, the rest is embedded and put there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder
from speakerid.evaluation.corpora.corpus import Recording
from speakerid.evaluation.embedding.cache import EmbeddingCache, Key
from speakerid.evaluation.embedding.heard import Heard, Job, Unheard
from speakerid.evaluation.embedding.on_ray import hear_all_on_ray
from speakerid.evaluation.embedding.workers import Outcome, hear_all
from speakerid.types import FloatArray

COMMIT_EVERY_S = 2.0  # of work is what a killed run loses

Progress = Callable[[int, int], None]  # how many of how many
Engine = Literal["local", "ray"]
T = TypeVar("T")


@dataclass(frozen=True)
class StageOptions:
    encoder: str
    cache: Path
    workers: int = 1
    vad: bool = False
    engine: Engine = "local"


@dataclass(frozen=True)
class Embedded:
    """Row k of `voices (n, dim)` belongs to recording k; those of `unheard` ones are zero."""

    voices: FloatArray
    unheard: dict[str, str]  # name: a sentence that says why
    fresh: int  # embedded now, not taken from the cache
    audio_s: float  # of those
    took_s: float


class Stage:
    """Holds the encoder, so that a corpus and a cohort are embedded by the same."""

    def __init__(self, options: StageOptions) -> None:
        """Raises EncoderNotFound."""
        self.options = options
        self.encoder: Encoder = load_encoder(options.encoder)

    def embed(self, recordings: Sequence[Recording], progress: Progress = lambda done, total: None) -> Embedded:
        """Raises CacheFailed, EncoderFailed, WorkerDied; whatever was embedded until then is kept."""
        options, started = self.options, time.perf_counter()
        with EmbeddingCache(options.cache, self.encoder.fingerprint) as cache:
            work = _Work(cache, recordings, "vad " if options.vad else "")
            with closing(self._hear(work.to_do())) as heard:
                for (row, key), outcome in heard:
                    work.take(row, key, outcome)
                    progress(len(work.heard) + len(work.unheard), len(recordings))
        progress(len(recordings), len(recordings))
        voices = _voices([work.heard.get(row) for row in range(len(recordings))], self.encoder.dim)
        return Embedded(voices, work.unheard, work.fresh, work.audio_s, time.perf_counter() - started)

    def _hear(self, jobs: Iterable[tuple[T, Job]]) -> Generator[tuple[T, Outcome]]:
        options = self.options
        if options.engine == "ray":
            return hear_all_on_ray(jobs, options.encoder, vad=options.vad, workers=options.workers)
        return hear_all(jobs, self.encoder, options.encoder, vad=options.vad, workers=options.workers)


class _Work:
    """What is heard by row, and what is still to do."""

    def __init__(self, cache: EmbeddingCache, recordings: Sequence[Recording], prefix: str) -> None:
        self._cache, self._recordings, self._prefix = cache, recordings, prefix
        self._committed_at = time.perf_counter()
        self.heard: dict[int, Heard] = {}
        self.unheard: dict[str, str] = {}
        self.fresh, self.audio_s = 0, 0.0

    def to_do(self) -> Iterator[tuple[tuple[int, Key], Job]]:
        for row, one in enumerate(self._recordings):
            job = Job(one.path, one.start_s, one.duration_s)
            try:
                key = Key(self._cache.digest(one.path), self._prefix + job.part)
            except OSError as error:
                self.unheard[one.name] = error.strerror or str(error)
                continue
            found = self._cache.get(key)
            if found is None:
                yield (row, key), job
            else:
                self.heard[row] = found

    def take(self, row: int, key: Key, outcome: Heard | Unheard) -> None:
        if isinstance(outcome, Unheard):
            self.unheard[self._recordings[row].name] = outcome.reason
            return
        self.heard[row] = outcome
        self._cache.put(key, outcome)
        self.fresh, self.audio_s = self.fresh + 1, self.audio_s + outcome.audio_s
        if time.perf_counter() - self._committed_at > COMMIT_EVERY_S:
            self._cache.commit()
            self._committed_at = time.perf_counter()


def _voices(heard: Sequence[Heard | None], dim: int) -> FloatArray:
    return np.stack([np.zeros(dim, np.float32) if one is None else one.embedding for one in heard])
