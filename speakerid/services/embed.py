"""Embeddings for other uses: nothing is compared and nothing is kept."""

from __future__ import annotations

from speakerid.audio.limits import Channel
from speakerid.services.engine import Engine
from speakerid.services.probe import prepare_probe
from speakerid.types import Embedding


def embed(engine: Engine, audio: bytes, channel: Channel = "mix") -> Embedding:
    """Raises AudioError, NotEnoughSpeech, Overloaded."""
    voice = prepare_probe(engine, audio, min_speech_s=0.0, channel=channel)
    vector = voice.require()
    return Embedding(
        tuple(vector.tolist()), len(vector), engine.encoder_label, engine.encoder.fingerprint, voice.speech
    )
