"""The embeddings that a test needs: from the cache, or computed and put there; what is missing is refused by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder
from speakerid.evaluation.corpus import Corpus, CorpusRecording
from speakerid.evaluation.embedding.cache import CacheKey, EmbeddingCache
from speakerid.evaluation.embedding.workers import (
    EmbeddedRecording,
    EmbeddingJob,
    Outcome,
    UnusableRecording,
    embed_all,
    embed_all_on_ray,
)
from speakerid.evaluation.errors import MissingRecordings, UnreadableRecordings, named
from speakerid.scoring.cosine import voiceprint
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
    """Row k of `embeddings (n, dim)` belongs to recording k; those of `unusable` ones are zero."""

    embeddings: FloatArray
    unusable: dict[str, str]  # name: a sentence with the reason
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
        """Raises CacheFailed, EncoderFailed, WorkerDied, ClusterFailed; whatever was embedded until then is kept."""
        options, started = self.options, time.perf_counter()
        with EmbeddingCache(options.cache, self.encoder.fingerprint) as cache:
            work = _EmbeddingWork(cache, recordings, "vad " if options.vad else "")
            with closing(self._embedded(work.to_do())) as outcomes:
                for (row, key), outcome in outcomes:
                    work.take(row, key, outcome)
                    progress(len(work.embedded) + len(work.unusable), len(recordings))
        progress(len(recordings), len(recordings))
        embeddings = _rows([work.embedded.get(row) for row in range(len(recordings))], self.encoder.dim)
        return EmbeddedRecordings(embeddings, work.unusable, work.fresh, work.audio_s, time.perf_counter() - started)

    def _embedded(self, jobs: Iterable[tuple[T, EmbeddingJob]]) -> Generator[tuple[T, Outcome]]:
        options = self.options
        embed = embed_all_on_ray if options.engine == "ray" else embed_all
        return embed(jobs, self.encoder, options.encoder, vad=options.vad, workers=options.workers)


class _EmbeddingWork:
    """What is embedded by row, and what is still to do."""

    def __init__(self, cache: EmbeddingCache, recordings: Sequence[CorpusRecording], prefix: str) -> None:
        self._cache, self._recordings, self._prefix = cache, recordings, prefix
        self._committed_at = time.perf_counter()
        self.embedded: dict[int, EmbeddedRecording] = {}
        self.unusable: dict[str, str] = {}
        self.fresh, self.audio_s = 0, 0.0

    def to_do(self) -> Iterator[tuple[tuple[int, CacheKey], EmbeddingJob]]:
        for row, one in enumerate(self._recordings):
            job = EmbeddingJob(one.path, one.start_s, one.duration_s)
            try:
                key = CacheKey(self._cache.digest(one.path), self._prefix + job.part)
            except OSError as error:
                self.unusable[one.name] = error.strerror or str(error)
                continue
            found = self._cache.get(key)
            if found is None:
                yield (row, key), job
            else:
                self.embedded[row] = found

    def take(self, row: int, key: CacheKey, outcome: EmbeddedRecording | UnusableRecording) -> None:
        if isinstance(outcome, UnusableRecording):
            self.unusable[self._recordings[row].name] = outcome.reason
            return
        self.embedded[row] = outcome
        self._cache.put(key, outcome)
        self.fresh, self.audio_s = self.fresh + 1, self.audio_s + outcome.audio_s
        if time.perf_counter() - self._committed_at > COMMIT_EVERY_S:
            self._cache.commit()
            self._committed_at = time.perf_counter()


def _rows(embedded: Sequence[EmbeddedRecording | None], dim: int) -> FloatArray:
    return np.stack([np.zeros(dim, np.float32) if one is None else one.embedding for one in embedded])


@dataclass(frozen=True)
class TrialMaterial:
    embeddings: FloatArray  # (names, dim), zero where they are not usable
    usable: NDArray[np.bool_]  # (names,)
    stamps: tuple[str, ...]
    fresh: int
    audio_s: float
    took_s: float


def embed_names(
    stage: EmbeddingStage, corpus: Corpus, names: Sequence[str], progress: Progress, *, skip: bool
) -> TrialMaterial:
    """Raises MissingRecordings before anything is embedded, UnreadableRecordings after; neither with `skip`."""
    found = [corpus.find(name) for name in names]
    there = [one if one is not None and one.path.is_file() else None for one in found]
    missing = [name for name, one in zip(names, there, strict=True) if one is None]
    if missing and (not skip or len(missing) == len(names)):
        raise MissingRecordings(missing, len(names))
    embedded = stage.embed([one for one in there if one is not None], progress)
    if embedded.unusable and (not skip or not embedded.embeddings.any()):
        raise UnreadableRecordings(embedded.unusable)
    is_there = np.array([one is not None for one in there])
    embeddings = embedded.embeddings[np.maximum(np.cumsum(is_there) - 1, 0)]  # a missing one repeats another row
    embeddings[~is_there] = 0.0
    usable: NDArray[np.bool_] = np.any(embeddings, axis=1)
    stamps = _stamps(len(names), missing, list(embedded.unusable))
    return TrialMaterial(embeddings, usable, stamps, embedded.fresh, embedded.audio_s, embedded.took_s)


def _stamps(of: int, missing: Sequence[str], unusable: Sequence[str]) -> tuple[str, ...]:
    kinds = (("missing", missing), ("unreadable", unusable))
    return tuple(
        f"INCOMPLETE: {len(files)} of {of} recordings were {what} and left out: {named(files)}."
        for what, files in kinds
        if files
    )


def cohort_prints(stage: EmbeddingStage, corpus: Corpus, progress: Progress) -> FloatArray:
    """`(speakers, dim)`: the mean embedding of every speaker. Raises UnreadableRecordings, SpeakersUnknown."""
    speakers = corpus.by_speaker()
    recordings: list[CorpusRecording] = [one for files in speakers.values() for one in files]
    embedded = stage.embed(recordings, progress)
    if embedded.unusable:
        raise UnreadableRecordings(embedded.unusable)
    ends = np.cumsum([len(files) for files in speakers.values()])
    return np.stack([voiceprint(rows) for rows in np.split(embedded.embeddings, ends[:-1])])
