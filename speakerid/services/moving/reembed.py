"""Embeddings of another encoder, made from the audio that a gallery's file carries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from speakerid.errors import AudioError, GalleryFileDamaged
from speakerid.services.engine import Engine
from speakerid.services.moving.reading import GalleryFile, GalleryPart
from speakerid.services.probe import prepare_probe
from speakerid.types import FloatArray

FLOAT_BYTES = 4


@contextmanager
def reembedded(engine: Engine, found: GalleryFile) -> Iterator[Iterator[GalleryPart]]:
    """The parts of `found` with embeddings of the running encoder, all of which are made when the block begins.

    They wait in a temporary file, so that no writer has to wait for an encoder. Raises GalleryFileDamaged for audio
    that cannot be decoded or has too little speech, Overloaded.
    """
    with TemporaryFile() as kept:
        for part in found.parts():
            kept.write(_embedded(engine, part).astype("<f4").tobytes())
        kept.seek(0)
        yield (replace(part, embeddings=_read(kept, part, engine.encoder.dim)) for part in found.parts())


def _embedded(engine: Engine, part: GalleryPart) -> FloatArray:
    made = [_one(engine, part.audio.next(line.audio_bytes), line.id) for line in part.utterances]
    return np.stack(made) if made else np.zeros((0, engine.encoder.dim), np.float32)


def _one(engine: Engine, audio: bytes | None, utterance_id: str) -> FloatArray:
    if audio is None:
        raise GalleryFileDamaged(f"it has no audio of {utterance_id}")
    try:
        probe = prepare_probe(engine, audio, min_speech_s=0.0)
    except AudioError as error:
        raise GalleryFileDamaged(f"the audio of {utterance_id} cannot be decoded any more ({error.code})") from None
    if probe.embedding is None:
        raise GalleryFileDamaged(f"the audio of {utterance_id} has too little speech for this encoder")
    return probe.embedding


def _read(kept: BinaryIO, part: GalleryPart, dim: int) -> FloatArray:
    rows = len(part.utterances)
    return np.frombuffer(kept.read(rows * dim * FLOAT_BYTES), "<f4").reshape(rows, dim).astype(np.float32)
