"""Made-up room impulse responses: a direct path, early echoes and a tail that dies exponentially (Polack's model).

After Ko et al. 2017, https://www.danielpovey.com/files/2017_icassp_reverberation.pdf: made-up rooms train about as well
as measured ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speakerid.training.data import SAMPLE_RATE_HZ, Samples

LENGTH_S = 0.9


def make_room(random: np.random.Generator) -> Samples:
    """One response of unit energy; RT60 0.1 to 1 s, direct-to-reverberant ratio -3 to 15 dB."""
    length = int(LENGTH_S * SAMPLE_RATE_HZ)
    rt60_s, ratio_db = random.uniform(0.1, 1.0), random.uniform(-3.0, 15.0)
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    tail = random.standard_normal(length) * np.exp(-6.908 * time_s / rt60_s)
    tail = _darken(tail, random.uniform(0.0, 0.7))
    onset = int(random.uniform(0.002, 0.02) * SAMPLE_RATE_HZ)
    tail[:onset] = 0.0
    tail += _echoes(length, onset, random)
    tail *= 10 ** (-ratio_db / 20) / max(float(np.linalg.norm(tail)), 1e-9)
    tail[0] += 1.0
    return (tail / np.linalg.norm(tail)).astype(np.float32)


def _darken(tail: npt.NDArray[np.float64], amount: float) -> npt.NDArray[np.float64]:
    """Walls absorb treble first: a one-zero low-pass."""
    return tail + amount * np.concatenate([[0.0], tail[:-1]])


def _echoes(length: int, onset: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    echoes = np.zeros(length)
    at = random.integers(max(onset // 2, 8), int(0.05 * SAMPLE_RATE_HZ), size=random.integers(2, 10))
    echoes[at] = random.standard_normal(len(at)) * np.exp(-at / (0.02 * SAMPLE_RATE_HZ)) * 2.0
    return echoes


def trim_measured(response: Samples) -> Samples:
    """A measured response from its direct path on, cut to the length used here, unit energy."""
    start = int(np.abs(response).argmax())
    cut = response[start : start + int(LENGTH_S * SAMPLE_RATE_HZ)]
    return (cut / max(float(np.linalg.norm(cut)), 1e-9)).astype(np.float32)
