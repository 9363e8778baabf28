"""What each of a speaker's utterances counts in the voiceprint, by the gallery's policy (docs/decisions/0012)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.types import Combining

LEAST_S = 0.1  # an utterance in which hardly any speech was found still counts a little


def shares(combining: Combining, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n,)` for utterances with `seconds (n,)` of speech: all the same for "mean", their seconds for "weighted"."""
    found: NDArray[np.float64] = np.maximum(seconds, LEAST_S) if combining == "weighted" else np.ones(len(seconds))
    return found
