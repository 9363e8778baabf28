"""An encoder for tests: deterministic, numpy only, no weights. Never for real speakers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speakerid.encoders.base import embed_with
from speakerid.types import FloatArray

FRAME = 512  # samples (32 ms)
HOP = 256  # samples
RUMBLE_BINS = 2  # up to 47 Hz, which a high-pass empties
SMOOTH_BINS = 33  # about 1 kHz: the tilt that all speech shares
SEED = 20240229
POWER_FLOOR = 1e-8  # about -80 dB: keeps the logarithm finite in pauses


@dataclass(frozen=True)
class FakeEncoder:
    """An encoder of the mean log-spectrum, without its smooth part, through a fixed random projection.

    Pitch and resonances survive the average, so one synthetic voice lands near itself and apart from others.
    """

    dim: int = 32
    name: str = "fake"
    sample_rate_hz: int = 16_000
    min_samples: int = 1_600
    trained_on: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        recipe = f"fake/2 dim={self.dim} seed={SEED} frame={FRAME} hop={HOP} smooth={SMOOTH_BINS}"
        return hashlib.sha256(recipe.encode()).hexdigest()

    @cached_property
    def _projection(self) -> FloatArray:
        """(bins, dim)"""
        shape = (FRAME // 2 + 1 - RUMBLE_BINS, self.dim)
        return np.random.default_rng(SEED).standard_normal(shape).astype(np.float32)

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        return embed_with(self, self._raw, waveforms)

    def _raw(self, batch: FloatArray) -> FloatArray:
        """(batch, samples) -> (batch, dim)"""
        detail = np.stack([_spectral_detail(waveform) for waveform in batch])
        rows: FloatArray = (detail @ self._projection).astype(np.float32)
        return rows


def _spectral_detail(waveform: FloatArray) -> FloatArray:
    """Mean log-spectrum `(bins,)` of `(samples,)`, minus its moving average over frequency.

    `bins` are those above RUMBLE_BINS.
    """
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME)[::HOP] * np.hanning(FRAME)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, RUMBLE_BINS:]) ** 2
    spectrum = np.log(power + POWER_FLOOR * FRAME).mean(axis=0)
    padded = np.pad(spectrum, SMOOTH_BINS // 2, mode="edge")
    smooth = np.convolve(padded, np.full(SMOOTH_BINS, 1 / SMOOTH_BINS), mode="valid")
    detail: FloatArray = (spectrum - smooth).astype(np.float32)
    return detail
