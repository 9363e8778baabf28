"""Who speaks in each window, given the voices: the likeliest path, in which changing speakers has a price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.clustering import Labels, Llrs


def likeliest_path(llrs: Llrs, change_cost: float) -> Labels:
    """`llrs (n, k)` of n windows in order against k voices -> the voice of each window (Viterbi 1967)."""
    count, voices = llrs.shape
    back: NDArray[np.intp] = np.empty((count, voices), np.intp)
    best = llrs[0].astype(np.float64)
    for window in range(1, count):
        leader = int(best.argmax())
        changed = best[leader] - change_cost
        back[window] = np.where(best >= changed, np.arange(voices), leader)
        best = np.maximum(best, changed) + llrs[window]
    path = np.empty(count, np.intp)
    path[-1] = best.argmax()
    for window in range(count - 1, 0, -1):
        path[window - 1] = back[window, path[window]]
    return path
