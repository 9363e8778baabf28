"""Encoders as one ONNX graph on ONNX Runtime: the CPU serving path, which needs no torch.

Two kinds of file: this project's exports (waveform in, facts in the file's own metadata) and third-party ones, whose
front end a card beside the file names.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from speakerid.encoders.base import embed_with
from speakerid.encoders.card import EXAMPLE, Card, fingerprint_of, read_card
from speakerid.encoders.fbank import at_level, log_mel
from speakerid.errors import EncoderNotFound
from speakerid.onnx_session import InferenceSession, open_session
from speakerid.types import FloatArray

METADATA = ("name", "dim", "sample_rate_hz", "min_samples", "trained_on")
FBANK_MIN_S = 0.2  # 18 frames: more than the receptive field of the known third-party models


@dataclass(frozen=True, eq=False)
class OnnxEncoder:
    """An ONNX graph as an encoder; many threads may share it."""

    name: str
    fingerprint: str
    dim: int
    sample_rate_hz: int
    min_samples: int
    trained_on: tuple[str, ...]
    card: Card
    session: InferenceSession

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Raises `EncoderNotFound` when there is no such file, no ONNX graph in it, or no card where one is due."""
        path = Path(path)
        if not os.path.isfile(path):  # never raises, as the methods of a Path may
            raise EncoderNotFound(f"There is no file {path}. Give the path of an .onnx speaker encoder.")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EncoderNotFound(f"{path} cannot be read ({error.strerror}). Check its permissions.") from error
        session = _session(path, data)
        metadata = session.get_modelmeta().custom_metadata_map
        if metadata.keys() >= set(METADATA):
            return cls._from_metadata(session, metadata, fingerprint_of(data, metadata))
        return cls._from_card(session, path, data)

    @classmethod
    def _from_metadata(cls, session: InferenceSession, metadata: dict[str, str], fingerprint: str) -> Self:
        return cls(
            name=metadata["name"],
            fingerprint=fingerprint,
            dim=int(metadata["dim"]),
            sample_rate_hz=int(metadata["sample_rate_hz"]),
            min_samples=int(metadata["min_samples"]),
            trained_on=tuple(json.loads(metadata["trained_on"])),
            card=Card(),
            session=session,
        )

    @classmethod
    def _from_card(cls, session: InferenceSession, path: Path, data: bytes) -> Self:
        card_path = path.with_suffix(".json")
        if not card_path.is_file():
            raise EncoderNotFound(
                f"{path} does not name its front end. Write {card_path} with, for example, {EXAMPLE}."
            )
        card = read_card(card_path)
        return cls(
            name=card.name or path.stem,
            fingerprint=hashlib.sha256(data + card.front_end_facts).hexdigest(),
            dim=_dim(session, card),
            sample_rate_hz=card.sample_rate_hz,
            min_samples=round(FBANK_MIN_S * card.sample_rate_hz),
            trained_on=card.trained_on,
            card=card,
            session=session,
        )

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        return embed_with(self, self._raw, waveforms)

    def _raw(self, batch: FloatArray) -> FloatArray:
        """(batch, samples) -> (batch, dim)"""
        return _run(self.session, _front_end(batch, self.card))


def _session(path: Path, data: bytes) -> InferenceSession:
    try:
        return open_session(data)
    except Exception as error:  # onnxruntime's own classes share no other base
        raise EncoderNotFound(f"{path} is not an ONNX model that can be run: {error}") from error


def _front_end(batch: FloatArray, card: Card) -> FloatArray:
    """(batch, samples) -> what the graph takes: the same, or (batch, frames, mels)"""
    if card.front_end == "waveform":
        return batch
    scaled = [at_level(waveform) * np.float32(card.sample_scale) for waveform in batch]
    return np.stack([log_mel(waveform, card.sample_rate_hz, window=card.window) for waveform in scaled])


def _run(session: InferenceSession, inputs: FloatArray) -> FloatArray:
    embeddings: FloatArray = session.run(None, {session.get_inputs()[0].name: inputs})[0]
    return embeddings.reshape(len(inputs), -1)


def _dim(session: InferenceSession, card: Card) -> int:
    """Length of an embedding, measured on one second of noise: third-party graphs do not always declare it."""
    noise = np.random.default_rng(0).standard_normal((1, card.sample_rate_hz)).astype(np.float32)
    try:
        return int(_run(session, _front_end(noise, card)).shape[1])
    except Exception as error:  # onnxruntime's own classes share no other base
        raise EncoderNotFound(f"The graph does not take what its card says ({card.front_end}): {error}") from error
