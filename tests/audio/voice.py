"""A synthetic voice: pulses of a gliding pitch through three moving formants, in syllables with short pauses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import butter, lfilter, sosfilt

from speakerid.audio.decode import Preparer
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.types import FloatArray, Span

RATE_HZ = 48_000
TOP_HZ = 3_400  # telephone band, so that 8 kHz formats carry all of it


def synthetic_voice(seconds: float, rate_hz: int) -> FloatArray:
    """(n,) float32, peak 0.5, deterministic."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    pitch_hz = 120 + 25 * np.sin(2 * np.pi * 0.9 * t) + 8 * np.sin(2 * np.pi * 3.1 * t)
    pulses = (np.diff(np.floor(np.cumsum(pitch_hz) / rate_hz), prepend=0.0) > 0).astype(np.float64)
    pulses += 0.02 * np.random.default_rng(7).standard_normal(len(t))
    formants = sum(_resonance(pulses, hz, rate_hz) for hz in (620, 1380, 2500))
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * t + 0.4) + 0.55, 0, 1)
    band = sosfilt(butter(8, TOP_HZ, fs=rate_hz, output="sos"), formants * syllables)
    return np.asarray(0.5 * band / np.abs(band).max(), np.float32)


def _resonance(source: NDArray[np.float64], hz: float, rate_hz: int) -> NDArray[np.float64]:
    radius = np.exp(-np.pi * 90 / rate_hz)
    return np.asarray(lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / rate_hz), radius**2], source))


def correlation(found: FloatArray, expected: FloatArray, max_lag: int = 4_000) -> float:
    """Best normalized correlation over lags up to a quarter of a second: codecs delay, players do not care."""
    size = max(len(found), len(expected)) + max_lag
    spectrum = np.fft.rfft(found, 2 * size) * np.conj(np.fft.rfft(expected, 2 * size))
    lags = np.fft.irfft(spectrum, 2 * size)
    best = max(lags[: max_lag + 1].max(), lags[-max_lag:].max())
    return float(best / (np.linalg.norm(found) * np.linalg.norm(expected)))


class NoSpeech:
    """A VAD for what is only decoded."""

    def speech_segments(self, samples: FloatArray) -> tuple[Span, ...]:
        return ()


def from_samples(
    samples: ArrayLike, rate_hz: ArrayLike, *, limits: DecodeLimits | None = None, channel: Channel = "mix"
) -> FloatArray:
    """(n,) at 16 kHz, as `SpeakerID` takes samples."""
    return Preparer(NoSpeech(), limits).decode((samples, rate_hz), channel=channel)
