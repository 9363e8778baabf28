"""Backbones: a waveform in, a sequence of feature vectors out, for heads that are trained on few recordings.

`speech-embedding` is for words: Google's speech embedding (Lin et al., "Training keyword spotters with limited and
synthesized speech data", ICASSP 2020), 96 numbers every 80 ms. `campplus` is for manners of speech and languages: the
frames behind the second block of the CAM++ speaker encoder, before it has removed what is no speaker's. Every speaker
encoder is a backbone too: one vector, its embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.encoders.base import Encoder
from speakerid.encoders.fbank import at_level, log_mel
from speakerid.errors import BackboneNotFound
from speakerid.onnx_session import InferenceSession, open_session
from speakerid.types import FloatArray

CONTEXT_SAMPLES = SAMPLE_RATE_HZ // 2  # of silence on either side: the model's window is 0.78 s, a short word's less
MIN_SAMPLES = SAMPLE_RATE_HZ // 2  # shorter recordings are filled up with silence


class Backbone(Protocol):
    """Safe to share between threads."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything that decides the features."""

    def features(self, waveform: FloatArray) -> FloatArray:
        """`(samples,)` at 16 kHz without DC and rumble -> `(frames, dims)`, at least one frame."""


@dataclass(frozen=True, eq=False)
class GraphBackbone:
    """An ONNX graph behind a front end."""

    name: str
    fingerprint: str
    front_end: Callable[[FloatArray], FloatArray]  # (samples,) -> what the graph takes, without the batch
    session: InferenceSession

    def features(self, waveform: FloatArray) -> FloatArray:
        taken = self.front_end(filled_up(waveform))
        found: FloatArray = self.session.run(None, {self.session.get_inputs()[0].name: taken[np.newaxis]})[0]
        return found.reshape(-1, found.shape[-1])


@dataclass(frozen=True, eq=False)
class EncoderBackbone:
    """A speaker encoder: its embedding is the one frame."""

    encoder: Encoder

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    def features(self, waveform: FloatArray) -> FloatArray:
        return self.encoder.embed([filled_up(waveform)])


def filled_up(waveform: FloatArray) -> FloatArray:
    """At least MIN_SAMPLES, with silence around what is too short."""
    missing = max(0, MIN_SAMPLES - len(waveform))
    return np.pad(waveform, (missing // 2, missing - missing // 2)) if missing else waveform


def with_context(waveform: FloatArray) -> FloatArray:
    return np.pad(waveform, CONTEXT_SAMPLES)


def filter_banks(waveform: FloatArray) -> FloatArray:
    """What CAM++ takes. Silence stays silence."""
    leveled = at_level(waveform) if waveform.std() > 0.0 else waveform
    return log_mel(leveled, SAMPLE_RATE_HZ, window="povey")


@dataclass(frozen=True)
class NamedBackbone:
    """A row of the table of backbones that have names."""

    model: str  # in the folder of fetched models
    front_end: Callable[[FloatArray], FloatArray]


NAMED = {
    "speech-embedding": NamedBackbone("speech-embedding", with_context),
    "campplus": NamedBackbone("campplus-frames", filter_banks),
}


def load_graph(name: str, models: Path) -> GraphBackbone:
    """A backbone of NAMED from the folder of fetched `models`. Raises BackboneNotFound."""
    named = NAMED[name]
    path = models / named.model / "model.onnx"
    if not path.is_file():
        raise BackboneNotFound(f"{name} needs {path}, which is not here. Run 'speakerid models fetch'.")
    graph = path.read_bytes()
    front_end = f"{named.front_end.__name__} {CONTEXT_SAMPLES} {MIN_SAMPLES}".encode()
    return GraphBackbone(name, hashlib.sha256(graph + front_end).hexdigest(), named.front_end, open_session(graph))
