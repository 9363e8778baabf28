"""Kaldi-compatible log mel filter banks in numpy: the front end of WeSpeaker and 3D-Speaker models.

After Kaldi's `feat/feature-fbank.cc` and `feat/mel-computations.cc` with dither 0, snip-edges, DC removal and the
power spectrum; tested against `torchaudio.compliance.kaldi.fbank`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray

FRAME_S = 0.025
HOP_S = 0.010
PREEMPHASIS = 0.97
LOW_HZ = 20.0
MELS = 80
LEVEL_RMS = 0.316  # -10 dBFS: the usual -20 leaves quiet bands of telephone speech on the floor
ENERGY_FLOOR = float(np.finfo(np.float32).eps)  # Kaldi's floor before the logarithm
ROWS = 8  # of one matrix product: of more the BLAS makes threads, which cost more than they help

Wide = NDArray[np.float64]


def at_level(waveform: FloatArray) -> FloatArray:
    """The same with a deviation of LEVEL_RMS, so that quiet recordings lie no nearer to the floor than loud ones.

    `waveform` is not constant.
    """
    leveled: FloatArray = (waveform * (LEVEL_RMS / waveform.std(dtype=np.float64))).astype(np.float32)
    return leveled


def log_mel(waveform: FloatArray, sample_rate_hz: int, *, window: str, mels: int = MELS) -> FloatArray:
    """`(samples,)` -> `(frames, mels)`, each mel bin minus its mean over the utterance.

    `window` is "povey" (Kaldi's default) or "hamming".
    """
    size, hop = round(FRAME_S * sample_rate_hz), round(HOP_S * sample_rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), size)[::hop]
    centered = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(_preemphasize(centered) * _window(window, size), n=_fft_size(size), axis=1)
    powers, bank = np.square(spectrum.real) + np.square(spectrum.imag), _mel_bank(sample_rate_hz, _fft_size(size), mels)
    energies = np.concatenate([powers[row : row + ROWS] @ bank for row in range(0, len(powers), ROWS)])
    features = np.log(np.maximum(energies, ENERGY_FLOOR))
    normalized: FloatArray = (features - features.mean(axis=0)).astype(np.float32)
    return normalized


def _preemphasize(frames: Wide) -> Wide:
    """The first sample of a frame is its own predecessor, as in Kaldi."""
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    return frames - PREEMPHASIS * before


def _window(name: str, size: int) -> Wide:
    shape = np.hamming(size) if name == "hamming" else np.hanning(size) ** 0.85
    return np.asarray(shape, np.float64)


def _fft_size(size: int) -> int:
    return 1 << (size - 1).bit_length()


@cache
def _mel_bank(sample_rate_hz: int, fft_size: int, mels: int) -> Wide:
    """`(fft_size // 2 + 1, mels)` triangles, equally spaced in mel from 20 Hz to half the sample rate."""
    edges = np.linspace(_mel(np.array(LOW_HZ)), _mel(np.array(sample_rate_hz / 2)), mels + 2)
    bins = _mel(np.arange(fft_size // 2 + 1) * sample_rate_hz / fft_size)[:, np.newaxis]
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - left) / (center - left), (right - bins) / (right - center)
    bank: Wide = np.maximum(0.0, np.minimum(rising, falling))
    return bank


def _mel(hz: Wide) -> Wide:
    mel: Wide = 1127.0 * np.log1p(hz / 700.0)
    return mel
