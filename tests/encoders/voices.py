"""Synthetic voices for encoder tests: harmonics of a pitch, shaped by resonances, in syllables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speakerid.types import FloatArray

RATE_HZ = 16_000


@dataclass(frozen=True)
class Voice:
    pitch_hz: float
    resonances_hz: tuple[float, ...]


LOW = Voice(105.0, (520.0, 1_190.0, 2_390.0))
HIGH = Voice(214.0, (760.0, 1_640.0, 2_980.0))


def speak(voice: Voice, seconds: float, seed: int = 0) -> FloatArray:
    """`(samples,)` at 16 kHz, peak 0.5; `seed` changes intonation, syllables and noise, not the voice."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch = voice.pitch_hz * (1 + 0.06 * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    harmonics = range(1, int(7_000 / voice.pitch_hz))
    sound = sum(_gain(voice, h * voice.pitch_hz) * np.sin(h * phase) for h in harmonics)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 5) * time + rng.uniform(0, 6))
    noisy = sound * syllables + 0.01 * rng.standard_normal(len(time))
    return np.asarray(0.5 * noisy / np.abs(noisy).max(), dtype=np.float32)


def with_gaps(sound: FloatArray, word_s: float = 0.4, gap_s: float = 0.3) -> FloatArray:
    """Digital silence put between words, as voice activity gates in telephones and codecs do."""
    size = int(word_s * RATE_HZ)
    words = [sound[start : start + size] for start in range(0, len(sound), size)]
    gap = np.zeros(int(gap_s * RATE_HZ), np.float32)
    return np.concatenate([part for word in words for part in (word, gap)])


def _gain(voice: Voice, hz: float) -> float:
    return sum(1 / (1 + ((hz - resonance) / 90) ** 2) for resonance in voice.resonances_hz) + 0.02
