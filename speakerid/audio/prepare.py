"""The one path from audio to clean speech, and the parts of that speech which are embedded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import Samples, decode, from_samples
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.types import FloatArray, Span, Speech

WINDOW_SAMPLES = SAMPLE_RATE_HZ * 3 // 2  # 1.5 s: with 2 s, second speakers of 2 s and less are found less often
HOP_SAMPLES = WINDOW_SAMPLES // 2
MOST = 12  # windows of one recording, 10 s at half overlap; longer speech is sampled with gaps
LONGEST = 20 * SAMPLE_RATE_HZ  # samples
PIECES = 4  # of 5 s: the first 20 s alone may be one mood, one distance or one sentence


class Vad(Protocol):
    def speech_segments(self, samples: FloatArray) -> tuple[Span, ...]: ...


@dataclass(frozen=True)
class CleanSpeech:
    """Speech without its pauses. Silence gives 0 samples and `speech.seconds` 0.0: services refuse it."""

    samples: FloatArray  # (n,) at 16 kHz: the speech parts joined, without DC and rumble, their level untouched
    speech: Speech
    segments: tuple[Span, ...]  # where in the decoded recording, in samples at 16 kHz


class Preparer:
    """Decodes audio and keeps its clean speech. Safe to share between threads."""

    def __init__(self, vad: Vad, limits: DecodeLimits | None = None) -> None:
        self._vad = vad
        self._limits = limits or DecodeLimits()

    def prepare(self, audio: bytes | Samples, *, channel: Channel = "mix") -> CleanSpeech:
        """Clean speech of `audio`: the bytes of a file, or (samples, rate in Hz). Raises AudioError."""
        return self.clean(self.decode(audio, channel=channel))

    def decode(self, audio: bytes | Samples, *, channel: Channel = "mix") -> FloatArray:
        """(n,) float32 at 16 kHz with its pauses. Raises AudioError."""
        if isinstance(audio, bytes):
            return decode(audio, limits=self._limits, channel=channel)
        return from_samples(*audio, limits=self._limits, channel=channel)

    def clean(self, samples: FloatArray) -> CleanSpeech:
        """Clean speech of `samples`: (n,) float32 at 16 kHz, finite, as decoded."""
        filtered = high_pass(samples)
        segments = self._vad.speech_segments(filtered)
        parts = [filtered[start:end] for start, end in segments] or [np.zeros(0, np.float32)]
        return CleanSpeech(np.concatenate(parts), measure(filtered, segments, clipping_ratio(samples)), segments)


def speech_windows(speech: FloatArray) -> list[FloatArray]:
    """Windows spread evenly over `speech (n,)` at 16 kHz; silent ones are left out, none when there is too little."""
    room = len(speech) - WINDOW_SAMPLES
    if room < 0:
        return []
    starts = np.linspace(0, room, min(1 + room // HOP_SAMPLES, MOST)).astype(int)
    windows = [speech[start : start + WINDOW_SAMPLES] for start in starts]
    return [window for window in windows if window.min() < window.max()]


def excerpt(speech: FloatArray) -> FloatArray:
    """`speech (n,)` at 16 kHz, or LONGEST samples of it where it is longer: pieces spread evenly, joined."""
    if len(speech) <= LONGEST:
        return speech
    size = LONGEST // PIECES
    starts = np.linspace(0, len(speech) - size, PIECES).astype(int)
    return np.concatenate([speech[start : start + size] for start in starts])
