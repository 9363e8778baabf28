"""Short windows of speech, to hear whether it is one voice throughout."""

from __future__ import annotations

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

WINDOW_SAMPLES = SAMPLE_RATE_HZ * 3 // 2  # 1.5 s: with 2 s, second voices of 2 s and less are found less often
HOP_SAMPLES = WINDOW_SAMPLES // 2
MOST = 12  # windows of one recording, 10 s at half overlap; longer speech is sampled with gaps


def speech_windows(speech: FloatArray) -> list[FloatArray]:
    """Windows spread evenly over `speech (n,)` at 16 kHz; silent ones are left out, none when there is too little."""
    room = len(speech) - WINDOW_SAMPLES
    if room < 0:
        return []
    starts = np.linspace(0, room, min(1 + room // HOP_SAMPLES, MOST)).astype(int)
    windows = [speech[start : start + WINDOW_SAMPLES] for start in starts]
    return [window for window in windows if window.min() < window.max()]
