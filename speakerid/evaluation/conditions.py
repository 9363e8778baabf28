"""The same speech as other microphones, rooms and hands would have recorded it: samples at 16 kHz in and out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, lfilter

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

DULL = 0.5  # one-pole filter: falls by about 10 dB towards the highest frequencies
REVERBERATION_S = (0.2, 1.0)  # until it has fallen by 60 dB: from furnished rooms to bare halls
DIRECT_TO_REVERBERANT_DB = (-3.0, 10.0)
FULL_SCALE = 0.99
SILENT = 1e-6  # of full scale: digital silence stays what it is


def full_scale(samples: FloatArray, seed: int) -> FloatArray:
    """As loud as it can be without clipping, as recorders like to make it."""
    loud: FloatArray = samples * np.float32(FULL_SCALE / max(float(np.abs(samples).max()), SILENT))
    return loud


def duller(samples: FloatArray, seed: int) -> FloatArray:
    """Through a microphone that loses high frequencies, with white noise 15 to 25 dB below the speech."""
    random = np.random.default_rng(seed)
    dull = lfilter([1.0 - DULL], [1.0, -DULL], samples).astype(np.float32)
    return mixed(dull, random.standard_normal(len(dull)), float(random.uniform(15.0, 25.0)))


def room(samples: FloatArray, seed: int) -> FloatArray:
    """In a room: a direct sound and a tail of noise that decays exponentially (Polack's model)."""
    random = np.random.default_rng(seed)
    decay_s = random.uniform(*REVERBERATION_S)
    at = np.arange(int(decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = random.standard_normal(len(at)) * 10 ** (-3.0 * at / decay_s)
    tail *= 10 ** (-random.uniform(*DIRECT_TO_REVERBERANT_DB) / 20) / np.sqrt(np.sum(tail**2))
    return inside(samples, np.concatenate([[1.0], tail]))


def inside(samples: FloatArray, response: NDArray[np.floating]) -> FloatArray:
    """In the room of this impulse response; as loud and as long as before."""
    heard = fftconvolve(samples, response)[: len(samples)]
    scaled: FloatArray = (heard * (_rms(samples) / max(_rms(heard), SILENT))).astype(np.float32)
    return scaled


def mixed(samples: FloatArray, noise: NDArray[np.floating], snr_db: float) -> FloatArray:
    """With `noise`, repeated as needed, at this level below the samples' own."""
    noise = np.resize(noise, len(samples))
    sum_: FloatArray = (samples + noise * (_rms(samples) / _rms(noise) * 10 ** (-snr_db / 20))).astype(np.float32)
    return sum_


def overdriven(samples: FloatArray, share: float) -> FloatArray:
    """So loud that this share of the samples is cut off at full scale."""
    level = max(float(np.quantile(np.abs(samples), 1.0 - share)), SILENT)
    clipped: FloatArray = np.clip(samples / level, -1.0, 1.0).astype(np.float32)
    return clipped


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
