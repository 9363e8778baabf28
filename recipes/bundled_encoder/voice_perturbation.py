"""New speakers from old ones: formants moved under an unchanged pitch, then both moved together by a change of speed.

Playing faster moves pitch and formants together; people differ in each. Formants alone move by filtering every frame
with its own spectral envelope, stretched, over the envelope it has (cepstral smoothing, Oppenheim & Schafer): some 500
times faster than real time on one core, where the WORLD vocoder reached 37.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.speech import Source
from speakerid.training.training_set import PerturbedCopy, at_speed
from speakerid.types import FloatArray

RESHAPED = "-reshaped"  # such copies are a corpus of their own, so that their share of a batch can be set
FFT, HOP = 1024, 256
SMOOTH = 44  # cepstral coefficients kept: 2.75 ms, shorter than the period of a 360 Hz voice
MAX_GAIN_NP = 3.0  # 26 dB


@dataclass(frozen=True)
class ReshapePlan:
    """How many reshaped copies of each utterance of a corpus are made, and how far they go."""

    copies: int = 0
    seconds: float = 3.0  # a random part of this length: many speakers matter more than many words
    formants: tuple[float, float] = (0.86, 1.16)  # before the change of speed; drawn evenly in logarithm
    speed: tuple[float, float] = (0.80, 1.25)


def perturbed(source: Source, samples: FloatArray, plan: ReshapePlan) -> Iterator[PerturbedCopy]:
    """The utterance itself, then its reshaped copies; the file's name seeds the draws: a rerun makes the same.

    Reshaped copies have no label: they are too many to be classes, only the teachers' vectors describe them.
    """
    yield PerturbedCopy(samples, source.corpus, source.speaker)
    random = np.random.default_rng(zlib.crc32(source.path.name.encode()))
    for _ in range(plan.copies):
        formants, speed = _between(plan.formants, random), _between(plan.speed, random)
        length = min(len(samples), int(plan.seconds * SAMPLE_RATE_HZ))
        start = int(random.integers(0, len(samples) - length + 1))
        moved = move_formants(samples[start : start + length], formants)
        yield PerturbedCopy(at_speed(moved, speed), source.corpus + RESHAPED, None)


def _between(limits: tuple[float, float], random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(limits[0]), np.log(limits[1]))))


def move_formants(samples: FloatArray, factor: float) -> FloatArray:
    """The same words at the same pitch from a vocal tract `factor` times shorter."""
    window = np.sqrt(np.hanning(FFT + 1)[:FFT]).astype(np.float32)
    padded = np.pad(samples, (FFT, FFT + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP] * window
    spectrum = np.fft.rfft(frames).astype(np.complex64)
    envelope = _log_envelope(np.abs(spectrum))
    gain = np.clip(_stretch(envelope, factor) - envelope, -MAX_GAIN_NP, MAX_GAIN_NP)
    moved = np.fft.irfft(spectrum * np.exp(gain), n=FFT).astype(np.float32) * window
    out = np.zeros(len(padded), dtype=np.float32)
    for i, frame in enumerate(moved):
        out[i * HOP : i * HOP + FFT] += frame
    out /= 2  # Hann windows a quarter apart add up to 2
    return out[FFT : FFT + len(samples)]


def _log_envelope(magnitude: FloatArray) -> FloatArray:
    """Smoothed natural log magnitude, `(frames, bins)` to the same."""
    cepstrum = np.fft.irfft(np.log(magnitude + 1e-5 * magnitude.max() + 1e-9))
    cepstrum[:, SMOOTH : FFT - SMOOTH + 1] = 0.0
    return np.asarray(np.fft.rfft(cepstrum).real, dtype=np.float32)


def _stretch(envelope: FloatArray, factor: float) -> FloatArray:
    bins = envelope.shape[1]
    source = np.minimum(np.arange(bins) / factor, bins - 1)
    low = source.astype(int)
    part = (source - low).astype(np.float32)
    return np.asarray(envelope[:, low] * (1 - part) + envelope[:, np.minimum(low + 1, bins - 1)] * part)
