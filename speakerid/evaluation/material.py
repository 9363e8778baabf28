"""The embeddings a test needs: everything found and heard, or a refusal that lists what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.corpora.corpus import Corpus, CorpusRecording
from speakerid.evaluation.embedding.stage import EmbeddingStage, Progress
from speakerid.evaluation.errors import MissingRecordings, UnreadableRecordings, named
from speakerid.scoring.cosine import voiceprint
from speakerid.types import FloatArray


@dataclass(frozen=True)
class TrialMaterial:
    voices: FloatArray  # (names, dim), zero where they are not usable
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
    heard = stage.embed([one for one in there if one is not None], progress)
    if heard.unheard and (not skip or not heard.voices.any()):
        raise UnreadableRecordings(heard.unheard)
    is_there = np.array([one is not None for one in there])
    voices = heard.voices[np.maximum(np.cumsum(is_there) - 1, 0)]  # those that are not there repeat another's row
    voices[~is_there] = 0.0
    usable: NDArray[np.bool_] = np.any(voices, axis=1)
    stamps = _stamps(len(names), missing, list(heard.unheard))
    return TrialMaterial(voices, usable, stamps, heard.fresh, heard.audio_s, heard.took_s)


def _stamps(of: int, missing: Sequence[str], unheard: Sequence[str]) -> tuple[str, ...]:
    kinds = (("missing", missing), ("unreadable", unheard))
    return tuple(
        f"INCOMPLETE: {len(files)} of {of} recordings were {what} and left out: {named(files)}."
        for what, files in kinds
        if files
    )


def cohort_prints(stage: EmbeddingStage, corpus: Corpus, progress: Progress) -> FloatArray:
    """`(speakers, dim)`: the mean embedding of every speaker. Raises UnreadableRecordings, SpeakersUnknown."""
    speakers = corpus.by_speaker()
    recordings: list[CorpusRecording] = [one for files in speakers.values() for one in files]
    heard = stage.embed(recordings, progress)
    if heard.unheard:
        raise UnreadableRecordings(heard.unheard)
    ends = np.cumsum([len(files) for files in speakers.values()])
    return np.stack([voiceprint(rows) for rows in np.split(heard.voices, ends[:-1])])
