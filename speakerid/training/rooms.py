"""Made-up room impulse responses: a direct path and a tail that dies exponentially (Polack's model).

After Ko et al. 2017, https://www.danielpovey.com/files/2017_icassp_reverberation.pdf: made-up rooms train about as well
as measured ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

LENGTH_S = 0.9
Wide = NDArray[np.float64]


def decaying_noise(samples: int, rt60_s: float, random: np.random.Generator) -> Wide:
    """`(samples,)` of noise that falls by 60 dB in `rt60_s`."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    decay: Wide = np.exp(-time_s * np.log(1000.0) / rt60_s)
    return np.asarray(random.standard_normal(samples) * decay)


def with_direct_path(tail: Wide, direct_to_reverberant_db: float) -> Wide:
    """`tail` at this level below a direct path of 1.0, which is put in place of its first sample."""
    response: Wide = tail * (10.0 ** (-direct_to_reverberant_db / 20.0) / np.linalg.norm(tail))
    response[0] = 1.0
    return response


def make_room(random: np.random.Generator) -> FloatArray:
    """One response of unit energy; RT60 0.1 to 1 s, direct-to-reverberant ratio -3 to 15 dB, early echoes."""
    length = int(LENGTH_S * SAMPLE_RATE_HZ)
    rt60_s, ratio_db = random.uniform(0.1, 1.0), random.uniform(-3.0, 15.0)
    tail = _darkened(decaying_noise(length, rt60_s, random), random.uniform(0.0, 0.7))
    onset = int(random.uniform(0.002, 0.02) * SAMPLE_RATE_HZ)
    tail[:onset] = 0.0
    return _of_unit_energy(with_direct_path(tail + _early_echoes(length, onset, random), ratio_db))


def trim_measured(response: FloatArray) -> FloatArray:
    """A measured response from its direct path on, cut to the length used here, unit energy."""
    start = int(np.abs(response).argmax())
    return _of_unit_energy(response[start : start + int(LENGTH_S * SAMPLE_RATE_HZ)].astype(np.float64))


def _darkened(tail: Wide, amount: float) -> Wide:
    """Walls absorb treble first: a one-zero low-pass."""
    return tail + amount * np.concatenate([[0.0], tail[:-1]])


def _early_echoes(length: int, onset: int, random: np.random.Generator) -> Wide:
    echoes = np.zeros(length)
    at = random.integers(max(onset // 2, 8), int(0.05 * SAMPLE_RATE_HZ), size=random.integers(2, 10))
    echoes[at] = random.standard_normal(len(at)) * np.exp(-at / (0.02 * SAMPLE_RATE_HZ)) * 2.0
    return echoes


def _of_unit_energy(response: Wide) -> FloatArray:
    return (response / max(float(np.linalg.norm(response)), 1e-9)).astype(np.float32)
