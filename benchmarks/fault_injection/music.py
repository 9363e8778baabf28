"""Music made from nothing but arithmetic: chords, drums, and a voice-like instrument that sings vowels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

Wave = NDArray[np.float64]

SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)  # semitones: a major scale, for chords of every second note
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (530, 1840, 2480), (570, 840, 2410), (300, 870, 2240))
FORMANT_WIDTH_HZ = 90.0
VIBRATO_HZ = 5.5
LEVEL = 0.5


def music(seed: int, seconds: float) -> FloatArray:
    """One to three of the instruments at a random tempo, key and loudness each."""
    random = np.random.default_rng(seed)
    beat_s, root_hz = random.uniform(0.35, 0.7), random.uniform(110.0, 330.0)
    band = [INSTRUMENTS[at] for at in random.permutation(len(INSTRUMENTS))[: random.integers(1, 4)]]
    whole = np.zeros(int(seconds * SAMPLE_RATE_HZ))
    for instrument in band:
        loudness = random.uniform(0.3, 1.0)
        for start in range(0, len(whole), int(beat_s * SAMPLE_RATE_HZ)):
            at = np.arange(min(int(beat_s * SAMPLE_RATE_HZ), len(whole) - start)) / SAMPLE_RATE_HZ
            whole[start : start + len(at)] += loudness * instrument(at, root_hz, random)
    played: FloatArray = (whole * (LEVEL / np.abs(whole).max())).astype(np.float32)
    return played


def _chord(at: Wave, root_hz: float, random: np.random.Generator) -> Wave:
    step = int(random.integers(len(SCALE) - 4))
    notes = [root_hz * 2 ** (SCALE[step + third] / 12) for third in (0, 2, 4)]
    decay = np.exp(-random.uniform(0.5, 4.0) * at)
    tones = [np.sin(2 * np.pi * harmonic * note * at) / harmonic for note in notes for harmonic in range(1, 7)]
    chord: Wave = np.sum(tones, axis=0) * decay * np.minimum(1.0, at / 0.01)
    return chord / len(notes)


def _drum(at: Wave, root_hz: float, random: np.random.Generator) -> Wave:
    if random.random() < 0.5:  # a bass drum: a sine that falls
        hit: Wave = np.sin(2 * np.pi * (50.0 * at + 2.0 * (1.0 - np.exp(-30.0 * at)))) * np.exp(-18.0 * at)
        return hit
    snare: Wave = random.standard_normal(len(at)) * np.exp(-35.0 * at)
    return snare


def _sung(at: Wave, root_hz: float, random: np.random.Generator) -> Wave:
    """A pulse train with vibrato through the formants of a vowel."""
    note_hz = root_hz * 2 ** (SCALE[int(random.integers(7))] / 12)
    periods = np.cumsum(note_hz * (1.0 + 0.015 * np.sin(2 * np.pi * VIBRATO_HZ * at))) / SAMPLE_RATE_HZ
    source = np.diff(np.floor(periods), prepend=0.0) + 0.01 * random.standard_normal(len(at))
    for formant_hz in VOWELS_HZ[int(random.integers(len(VOWELS_HZ)))]:
        radius = np.exp(-np.pi * FORMANT_WIDTH_HZ / SAMPLE_RATE_HZ)
        turn = 2.0 * radius * np.cos(2 * np.pi * formant_hz / SAMPLE_RATE_HZ)
        source = source + 3.0 * lfilter([1.0 - radius], [1.0, -turn, radius**2], source)
    note = lfilter([1.0], [1.0, -0.9], source) * np.minimum(1.0, np.minimum(at, at[-1] - at) / 0.04)
    sung: Wave = note / max(float(np.abs(note).max()), 1e-9)
    return sung


INSTRUMENTS: tuple[Callable[[Wave, float, np.random.Generator], Wave], ...] = (_chord, _drum, _sung)
