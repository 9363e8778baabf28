"""A backbone that knows three tones, and recordings of made-up speakers who whistle them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from speakerid.types import FloatArray

RATE_HZ = 16_000
TONES_HZ = {"low": 300.0, "middle": 900.0, "high": 2700.0}


@dataclass(frozen=True)
class ToneBackbone:
    """How loud each tone is in every tenth of a second, as a logarithm: `(frames, 3)`."""

    name: str = "tones"
    fingerprint: str = "f" * 64

    def features(self, waveform: FloatArray) -> FloatArray:
        size = RATE_HZ // 10
        frames = waveform[: max(len(waveform) // size, 1) * size].reshape(-1, min(size, len(waveform)))
        power = np.abs(np.fft.rfft(frames)) ** 2
        edges = np.searchsorted(np.fft.rfftfreq(frames.shape[1], 1 / RATE_HZ), [0, 600, 1800, 8000])
        bands = [power[:, a:b].sum(axis=1) for a, b in itertools.pairwise(edges)]
        return np.log(np.stack(bands, axis=1) + 1e-3).astype(np.float32)


def whistle(label: str, speaker: int, take: int, seconds: float = 0.8) -> FloatArray:
    """Each speaker has a pitch of their own; every take is a little noisy."""
    random = np.random.default_rng([speaker, take, len(label)])
    pitch_hz = TONES_HZ[label] * (1.0 + 0.03 * (speaker % 5 - 2))
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * pitch_hz * time_s) + 0.01 * random.standard_normal(len(time_s))
    return tone.astype(np.float32)


def write_material(folder: Path, speakers: int = 4, takes: int = 2) -> Path:
    """LABEL/SPEAKER/TAKE.wav"""
    for label in TONES_HZ:
        for speaker in range(speakers):
            at = folder / label / f"s{speaker}"
            at.mkdir(parents=True)
            for take in range(takes):
                soundfile.write(at / f"{take}.wav", whistle(label, speaker, take), RATE_HZ)
    return folder
