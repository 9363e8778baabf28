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
from speakerid.evaluation.corpora.corpus import CorpusRecording
from speakerid.evaluation.embedding.cache import CacheKey, EmbeddingCache
from speakerid.evaluation.embedding.on_ray import embed_all_on_ray
from speakerid.evaluation.embedding.recording_embedder import EmbeddedRecording, EmbeddingJob, UnusableRecording
from speakerid.evaluation.embedding.workers import Outcome, embed_all
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
class EmbeddedRecordings:
    """Row k of `voices (n, dim)` belongs to recording k; those of `unheard` ones are zero."""

    voices: FloatArray
    unheard: dict[str, str]  # name: a sentence that says why
    fresh: int  # embedded now, not taken from the cache
    audio_s: float  # of those
    took_s: float


class EmbeddingStage:
    """Holds the encoder, so that a corpus and a cohort are embedded by the same."""

    def __init__(self, options: StageOptions) -> None:
        """Raises EncoderNotFound."""
        self.options = options
        self.encoder: Encoder = load_encoder(options.encoder)

    def embed(
        self, recordings: Sequence[CorpusRecording], progress: Progress = lambda done, total: None
    ) -> EmbeddedRecordings:
        """Raises CacheFailed, EncoderFailed, WorkerDied; whatever was embedded until then is kept."""
        options, started = self.options, time.perf_counter()
        with EmbeddingCache(options.cache, self.encoder.fingerprint) as cache:
            work = _EmbeddingWork(cache, recordings, "vad " if options.vad else "")
            with closing(self._hear(work.to_do())) as heard:
                for (row, key), outcome in heard:
                    work.take(row, key, outcome)
                    progress(len(work.heard) + len(work.unheard), len(recordings))
        progress(len(recordings), len(recordings))
        voices = _voices([work.heard.get(row) for row in range(len(recordings))], self.encoder.dim)
        return EmbeddedRecordings(voices, work.unheard, work.fresh, work.audio_s, time.perf_counter() - started)

    def _hear(self, jobs: Iterable[tuple[T, EmbeddingJob]]) -> Generator[tuple[T, Outcome]]:
        options = self.options
        if options.engine == "ray":
            return embed_all_on_ray(jobs, options.encoder, vad=options.vad, workers=options.workers)
        return embed_all(jobs, self.encoder, options.encoder, vad=options.vad, workers=options.workers)


class _EmbeddingWork:
    """What is heard by row, and what is still to do."""

    def __init__(self, cache: EmbeddingCache, recordings: Sequence[CorpusRecording], prefix: str) -> None:
        self._cache, self._recordings, self._prefix = cache, recordings, prefix
        self._committed_at = time.perf_counter()
        self.heard: dict[int, EmbeddedRecording] = {}
        self.unheard: dict[str, str] = {}
        self.fresh, self.audio_s = 0, 0.0

    def to_do(self) -> Iterator[tuple[tuple[int, CacheKey], EmbeddingJob]]:
        for row, one in enumerate(self._recordings):
            job = EmbeddingJob(one.path, one.start_s, one.duration_s)
            try:
                key = CacheKey(self._cache.digest(one.path), self._prefix + job.part)
            except OSError as error:
                self.unheard[one.name] = error.strerror or str(error)
                continue
            found = self._cache.get(key)
            if found is None:
                yield (row, key), job
            else:
                self.heard[row] = found

    def take(self, row: int, key: CacheKey, outcome: EmbeddedRecording | UnusableRecording) -> None:
        if isinstance(outcome, UnusableRecording):
            self.unheard[self._recordings[row].name] = outcome.reason
            return
        self.heard[row] = outcome
        self._cache.put(key, outcome)
        self.fresh, self.audio_s = self.fresh + 1, self.audio_s + outcome.audio_s
        if time.perf_counter() - self._committed_at > COMMIT_EVERY_S:
            self._cache.commit()
            self._committed_at = time.perf_counter()


def _voices(heard: Sequence[EmbeddedRecording | None], dim: int) -> FloatArray:
    return np.stack([np.zeros(dim, np.float32) if one is None else one.embedding for one in heard])
