"""The one path from audio to clean speech, used by API, command line, evaluation and training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import Samples, decode, from_samples
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.audio.segments import Segment
from speakerid.types import FloatArray, Speech


class Vad(Protocol):
    def speech_segments(self, samples: FloatArray) -> tuple[Segment, ...]: ...


@dataclass(frozen=True)
class CleanSpeech:
    """Speech without its pauses. Silence gives 0 samples and `speech.seconds` 0.0: services refuse it."""

    samples: FloatArray  # (n,) at 16 kHz: the speech parts joined, without DC and rumble, their level untouched
    speech: Speech
    segments: tuple[Segment, ...]  # where in the decoded recording, in samples at 16 kHz


class Preparer:
    """Safe to share between threads."""

    def __init__(self, vad: Vad, limits: DecodeLimits | None = None) -> None:
        self._vad = vad
        self._limits = limits or DecodeLimits()

    def prepare(self, audio: bytes | Samples, *, channel: Channel = "mix") -> CleanSpeech:
        """`audio`: the bytes of a file, or (samples, rate in Hz). Raises AudioError."""
        return self.clean(self.decode(audio, channel=channel))

    def decode(self, audio: bytes | Samples, *, channel: Channel = "mix") -> FloatArray:
        """(n,) float32 at 16 kHz with its pauses. Raises AudioError."""
        if isinstance(audio, bytes):
            return decode(audio, limits=self._limits, channel=channel)
        return from_samples(*audio, limits=self._limits, channel=channel)

    def clean(self, samples: FloatArray) -> CleanSpeech:
        """`samples`: (n,) float32 at 16 kHz, finite, as decoded."""
        filtered = high_pass(samples)
        segments = self._vad.speech_segments(filtered)
        parts = [filtered[start:end] for start, end in segments] or [np.zeros(0, np.float32)]
        return CleanSpeech(np.concatenate(parts), measure(filtered, segments, clipping_ratio(samples)), segments)
