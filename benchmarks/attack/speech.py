"""Audio to attack with: the sample voices as samples and as files of every container that is read."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import soxr

from speakerid import samples
from speakerid.audio.decode import decode
from speakerid.types import FloatArray
from tests.audio.encode import encode, wav_bytes

RATE_HZ = 16_000
VOICES = tuple(sorted(samples.voices()))


@cache
def speech(voice: str, number: int = 0) -> FloatArray:
    """One enrollment utterance, `(samples,)` at 16 kHz, 6 to 8 s."""
    return decode(samples.voices()[voice].enroll[number].read_bytes())


def fresh_wav(rng: random.Random, voice: str, seconds: float = 2.0) -> bytes:
    """A segment of this voice unlike every earlier one: another start, loudness and a little noise."""
    whole = speech(voice, rng.randrange(3))
    length = int(seconds * RATE_HZ)
    start = rng.randrange(len(whole) - length)
    noise = np.random.default_rng(rng.randrange(2**32)).standard_normal(length) * 1e-4
    segment = whole[start : start + length] * rng.uniform(0.4, 0.9) + noise
    return wav_bytes((np.clip(segment, -1, 1) * 32_767).astype(np.int16), RATE_HZ)


@cache
def container(name: str, voice: str = VOICES[0], seconds: float = 2.0) -> bytes:
    """The voice as a file of tests.audio.encode's format `name`."""
    at_48_khz = np.asarray(soxr.resample(speech(voice)[: int(seconds * RATE_HZ)], RATE_HZ, 48_000), np.float32)
    return encode(name, at_48_khz, RATE_HZ)
