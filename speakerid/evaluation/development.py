"""Development trials from a folder per speaker: half of a recording against the other halves of all.

Both halves of a recording share its microphone, and a real probe seldom does: every probe is therefore also heard
short, in noise and through a telephone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import butter, lfilter, sosfilt

from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import CleanSpeech, Preparer
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder
from speakerid.types import FloatArray

MIN_HALF_S = 2.0
MIN_PROBE_S = 1.0  # what is left of the speech in noise may be less
NOISE_SNR_DB = 10.0
DULL = 0.5  # one-pole filter: noise that falls by about 10 dB towards the highest frequencies, as a room's does
TELEPHONE_HZ = 8_000
TELEPHONE_BAND = butter(6, (300, 3_400), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")


Change = Callable[[FloatArray, int], FloatArray]  # samples at 16 kHz and a seed


@dataclass(frozen=True)
class Condition:
    name: str
    change: Change
    seconds: float | None = None  # of speech at most


@dataclass(frozen=True)
class Named:
    """`embeddings (n, dim)` of n recordings, and whose they are."""

    speakers: tuple[str, ...]
    embeddings: FloatArray


def noisy(samples: FloatArray, seed: int) -> FloatArray:
    """The same with noise 10 dB below its mean level."""
    noise = lfilter([1.0], [1.0, -DULL], np.random.default_rng(seed).standard_normal(len(samples)))
    power = float(np.mean(np.square(samples, dtype=np.float64))) / float(np.mean(np.square(noise)))
    mixed: FloatArray = (samples + np.sqrt(power) * 10 ** (-NOISE_SNR_DB / 20) * noise).astype(np.float32)
    return mixed


def telephone(samples: FloatArray, seed: int) -> FloatArray:
    """300 to 3400 Hz, sampled at 8 kHz."""
    narrow = soxr.resample(sosfilt(TELEPHONE_BAND, samples), SAMPLE_RATE_HZ, TELEPHONE_HZ)
    wide: FloatArray = soxr.resample(narrow, TELEPHONE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
    return wide


def unchanged(samples: FloatArray, seed: int) -> FloatArray:
    return samples


CONDITIONS = (
    Condition("whole", unchanged),
    Condition("3 s", unchanged, 3.0),
    Condition("1.5 s", unchanged, 1.5),
    Condition("3 s, 10 dB", noisy, 3.0),
    Condition("3 s, telephone", telephone, 3.0),
)
ENROLLED = CONDITIONS[:2]  # enrollment is done with care


class Material:
    """Raises nothing for recordings that are too short: they are left out."""

    def __init__(self, encoder: Encoder, data: Mapping[str, list[Path]]) -> None:
        self._encoder = encoder
        self._preparer = Preparer(SileroVad())
        self.speakers = tuple(data)
        self._halves = [
            (name, halves)
            for name, files in data.items()
            for file in files
            if (halves := self._split(file)) is not None
        ]

    def side(self, half: int, condition: Condition) -> Named:
        """The first (0) or second (1) half of every recording."""
        return self._heard([(name, halves[half]) for name, halves in self._halves], condition)

    def _heard(self, recordings: list[tuple[str, FloatArray]], condition: Condition) -> Named:
        kept: list[tuple[str, CleanSpeech]] = []
        for number, (name, samples) in enumerate(recordings):
            clean = _cut(self._preparer.clean(condition.change(samples, number)), condition.seconds)
            if clean.speech.seconds >= MIN_PROBE_S:
                kept.append((name, clean))
        return Named(tuple(name for name, _ in kept), self._encoder.embed([clean.samples for _, clean in kept]))

    def _split(self, file: Path) -> tuple[FloatArray, FloatArray] | None:
        samples = self._preparer.decode(read_file(file))
        halves = samples[: len(samples) // 2], samples[len(samples) // 2 :]
        long_enough = all(self._preparer.clean(half).speech.seconds >= MIN_HALF_S for half in halves)
        return halves if long_enough else None


def _cut(clean: CleanSpeech, seconds: float | None) -> CleanSpeech:
    if seconds is None or clean.speech.seconds <= seconds:
        return clean
    speech = replace(clean.speech, seconds=seconds)
    return replace(clean, samples=clean.samples[: int(seconds * SAMPLE_RATE_HZ)], speech=speech)
