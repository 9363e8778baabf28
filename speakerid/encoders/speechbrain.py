"""SpeechBrain speaker models, loaded by SpeechBrain's own loader: the reference, training and GPU path."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from speakerid.encoders.base import embed_with
from speakerid.encoders.card import Card, read_card
from speakerid.encoders.speechbrain_source import HYPERPARAMS, SpeechBrainSource, one_text
from speakerid.errors import EncoderFailed, EncoderNotFound
from speakerid.types import FloatArray

WEIGHTS = "embedding_model.ckpt"
CARD = "card.json"  # optional: name, trained_on
MIN_S = 0.1  # 11 frames; ECAPA-TDNN raises below 5

VOXCELEB = ("VoxCeleb1-dev", "VoxCeleb2")
PUBLISHED = {
    "speechbrain/spkrec-ecapa-voxceleb": VOXCELEB,
    "speechbrain/spkrec-xvect-voxceleb": VOXCELEB,
}


@dataclass(frozen=True, eq=False)
class SpeechBrainEncoder:
    name: str
    fingerprint: str
    dim: int
    sample_rate_hz: int
    min_samples: int
    trained_on: tuple[str, ...]
    classifier: Any  # EncoderClassifier; SpeechBrain has no types
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, source: str, *, device: str = "cpu") -> Self:
        """Load a hub name (`org/model`, kept in the hub's own cache) or a local directory onto `device`.

        Raises `EncoderNotFound` when the hub cannot be reached or files are missing, `EncoderFailed` when SpeechBrain
        cannot build the model from them.
        """
        files = SpeechBrainSource(source, EncoderNotFound, EncoderFailed)
        files.require(HYPERPARAMS, WEIGHTS)
        classifier = files.load(device=device)
        hyperparams, weights = (files.file(name) for name in (HYPERPARAMS, WEIGHTS))
        sample_rate_hz = int(getattr(classifier.hparams, "sample_rate", 16_000))
        card = _card(Path(source))
        return cls(
            name=card.name or Path(source).resolve().name,
            fingerprint=fingerprint(hyperparams, weights),
            dim=_dim(classifier, sample_rate_hz),
            sample_rate_hz=sample_rate_hz,
            min_samples=round(MIN_S * sample_rate_hz),
            trained_on=card.trained_on or PUBLISHED.get(files.origin(PUBLISHED) or "", ()),
            classifier=classifier,
        )

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        with self._lock:  # modules may keep state between calls
            return embed_with(self, lambda batch: _run(self.classifier, batch), waveforms)


def fingerprint(hyperparams: Path, weights: Path) -> str:
    """SHA-256 (hex) of the YAML file, line ends as \\n, followed by the weights; the ONNX export writes the same."""
    return hashlib.sha256(one_text(hyperparams) + weights.read_bytes()).hexdigest()


def _card(directory: Path) -> Card:
    path = directory / CARD
    return read_card(path) if path.is_file() else Card()


def _dim(classifier: Any, sample_rate_hz: int) -> int:
    noise = np.random.default_rng(0).standard_normal((1, sample_rate_hz)).astype(np.float32)
    return int(_run(classifier, noise).shape[1])


def _run(classifier: Any, batch: FloatArray) -> FloatArray:
    """(batch, samples) -> (batch, dim)"""
    with torch.inference_mode():
        rows = classifier.encode_batch(torch.from_numpy(batch))
    embeddings: FloatArray = rows.squeeze(1).float().cpu().numpy()
    return embeddings
