"""Short-time power in bands of 250 Hz, block by block so that a long recording needs little memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

FRAME_SAMPLES = 512  # 32 ms at 16 kHz: bins of 31.25 Hz
HOP_SAMPLES = 256
BAND_BINS = 8
BAND_HZ = 250
BLOCK_FRAMES = 1024


def band_powers(samples: FloatArray) -> FloatArray:
    """(n,) at 16 kHz, n >= 512 -> (frames, 32): mean power of each band, in no particular unit."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES]
    window = np.hanning(FRAME_SAMPLES).astype(np.float32)
    return np.concatenate(
        [_bands(frames[start : start + BLOCK_FRAMES] * window) for start in range(0, len(frames), BLOCK_FRAMES)]
    )


def frame_centers(total: int) -> NDArray[np.intp]:
    """Index of the middle sample of each frame of `band_powers`."""
    return np.arange((total - FRAME_SAMPLES) // HOP_SAMPLES + 1) * HOP_SAMPLES + FRAME_SAMPLES // 2


def _bands(frames: FloatArray) -> FloatArray:
    spectrum = np.fft.rfft(frames)[:, :-1]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bands: FloatArray = power.reshape(len(frames), -1, BAND_BINS).mean(axis=2, dtype=np.float32)
    return bands
