"""What is embedded of a long utterance: the cost of an embedding grows with its length, what it says hardly does."""

from __future__ import annotations

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

LONGEST = 20 * SAMPLE_RATE_HZ  # samples
PIECES = 4  # of 5 s: the first 20 s alone may be one mood, one distance or one sentence


def excerpt(speech: FloatArray) -> FloatArray:
    """`speech (n,)` at 16 kHz, or LONGEST samples of it where it is longer: pieces spread evenly, joined."""
    if len(speech) <= LONGEST:
        return speech
    size = LONGEST // PIECES
    starts = np.linspace(0, len(speech) - size, PIECES).astype(int)
    return np.concatenate([speech[start : start + size] for start in starts])
