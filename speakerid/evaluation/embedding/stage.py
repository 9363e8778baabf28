"""From recordings to embeddings: what the cache has is taken from it, the rest is embedded and put there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.encoders.base import Encoder
from speakerid.encoders.registry import load_encoder
from speakerid.evaluation.corpora.corpus import Recording
from speakerid.evaluation.embedding.cache import EmbeddingCache, Key
from speakerid.evaluation.embedding.heard import Job, Unheard
from speakerid.evaluation.embedding.workers import hear_all
from speakerid.types import FloatArray

COMMIT_EVERY_S = 2.0  # of work is what a killed run loses

Progress = Callable[[int, int], None]  # how many of how many


@dataclass(frozen=True)
class StageOptions:
    encoder: str = "bundled"
    cache: Path = Path("cache")
    workers: int = 1
    vad: bool = False


@dataclass(frozen=True)
class Embedded:
    """Row k of `embeddings (n, dim)` belongs to recording k; rows of `unheard` ones are zero."""

    embeddings: FloatArray
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
        started = time.perf_counter()
        rows = np.zeros((len(recordings), self.encoder.dim), np.float32)
        unheard, fresh, audio_s = dict[str, str](), 0, 0.0
        with EmbeddingCache(self.options.cache, self.encoder.fingerprint) as cache:
            missing = _Missing(cache, recordings, rows, unheard, "vad " if self.options.vad else "")
            options = self.options
            heard = hear_all(missing, self.encoder, options.encoder, vad=options.vad, workers=options.workers)
            committed_at = time.perf_counter()
            for (row, key), outcome in heard:
                if isinstance(outcome, Unheard):
                    unheard[recordings[row].name] = outcome.reason
                else:
                    rows[row] = outcome.embedding
                    cache.put(key, outcome)
                    fresh, audio_s = fresh + 1, audio_s + outcome.audio_s
                if time.perf_counter() - committed_at > COMMIT_EVERY_S:
                    cache.commit()
                    committed_at = time.perf_counter()
                progress(missing.known + fresh + len(unheard), len(recordings))
        progress(len(recordings), len(recordings))
        return Embedded(rows, unheard, fresh, audio_s, time.perf_counter() - started)


class _Missing:
    """Iterates over what must be embedded; what the cache has it writes into `rows` on the way."""

    def __init__(
        self,
        cache: EmbeddingCache,
        recordings: Sequence[Recording],
        rows: FloatArray,
        unheard: dict[str, str],
        prefix: str,
    ) -> None:
        self._cache, self._recordings, self._rows, self._unheard = cache, recordings, rows, unheard
        self._prefix = prefix
        self.known = 0

    def __iter__(self) -> Iterator[tuple[tuple[int, Key], Job]]:
        for row, one in enumerate(self._recordings):
            job = Job(one.path, one.start_s, one.duration_s)
            try:
                key = Key(self._cache.digest(one.path), self._prefix + job.part)
            except OSError as error:
                self._unheard[one.name] = error.strerror or str(error)
                continue
            found = self._cache.get(key)
            if found is None:
                yield (row, key), job
            else:
                self._rows[row] = found.embedding
                self.known += 1
