"""Embeddings of many places in a long recording; work of minutes waits for an encoder that is busy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import LongAudio
from speakerid.encoders.batching import Batcher
from speakerid.errors import Overloaded
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray, Span

BATCH = 16  # places read and embedded at a time
PATIENCE = 60  # times, a second apart, that a full encoder is asked again: long work waits where a request is refused
PAUSE_S = 1.0


def embed(encoder: Batcher, waveforms: Sequence[FloatArray]) -> FloatArray:
    """`(n, dim)`. Raises Overloaded after a minute of it."""
    for _ in range(PATIENCE):
        with suppress(Overloaded):
            return encoder.embed(waveforms)
        time.sleep(PAUSE_S)
    return encoder.embed(waveforms)


def embedded(encoder: Batcher, audio: LongAudio, spans: Sequence[Span]) -> FloatArray:
    """`(n, dim)` of n spans, in order of their starts."""
    found = [np.zeros((0, encoder.dim), np.float32)]
    pieces = audio.spans(spans) if spans else iter(())
    while batch := list(islice(pieces, BATCH)):
        found.append(embed(encoder, batch))
    return np.concatenate(found)


def sides(spans: Sequence[Span], embeddings: FloatArray) -> Side:
    seconds = [(end - start) / SAMPLE_RATE_HZ for start, end in spans]
    return Side(embeddings, np.array(seconds, np.float64))
