"""The same speech as other microphones, rooms and hands would have recorded it: samples at 16 kHz in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

Change = Callable[[FloatArray, int], FloatArray]  # samples at 16 kHz and a seed

NOISE_SNR_DB = 10.0
TELEPHONE_HZ = 8_000
TELEPHONE_BAND = butter(6, (300, 3_400), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
DULL = 0.5  # one-pole filter: falls by about 10 dB towards the highest frequencies
FULL_SCALE = 0.99
SILENT = 1e-6  # of full scale: digital silence stays what it is


@dataclass(frozen=True)
class Condition:
    name: str
    change: Change


def unchanged(samples: FloatArray, seed: int) -> FloatArray:
    return samples


def noisy(samples: FloatArray, seed: int) -> FloatArray:
    """With noise 10 dB below its mean level, dull as a room's."""
    noise = lfilter([1.0], [1.0, -DULL], np.random.default_rng(seed).standard_normal(len(samples)))
    return mixed(samples, noise, NOISE_SNR_DB)


def telephone(samples: FloatArray, seed: int) -> FloatArray:
    """300 to 3400 Hz, sampled at 8 kHz."""
    narrow = soxr.resample(sosfilt(TELEPHONE_BAND, samples), SAMPLE_RATE_HZ, TELEPHONE_HZ)
    wide: FloatArray = soxr.resample(narrow, TELEPHONE_HZ, SAMPLE_RATE_HZ).astype(np.float32)
    return wide


def full_scale(samples: FloatArray, seed: int) -> FloatArray:
    """As loud as it can be without clipping, as recorders like to make it."""
    loud: FloatArray = samples * np.float32(FULL_SCALE / max(float(np.abs(samples).max()), SILENT))
    return loud


def duller(samples: FloatArray, seed: int) -> FloatArray:
    """Through a microphone that loses high frequencies, with white noise 15 to 25 dB below the speech."""
    random = np.random.default_rng(seed)
    dull = lfilter([1.0 - DULL], [1.0, -DULL], samples).astype(np.float32)
    return mixed(dull, random.standard_normal(len(dull)), float(random.uniform(15.0, 25.0)))


def inside(samples: FloatArray, response: NDArray[np.floating]) -> FloatArray:
    """In the room of this impulse response; as loud and as long as before."""
    wet = fftconvolve(samples, response)[: len(samples)]
    scaled: FloatArray = (wet * (_rms(samples) / max(_rms(wet), SILENT))).astype(np.float32)
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
