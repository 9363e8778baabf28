"""Windows of ten seconds that overlap by half, as one track of frames for as many speakers as speak within a window.

The speakers of a window are numbered as those of the window before whom they agree with best where both overlap; what
the windows say is averaged, and as many speak in a frame as do on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.segmentation import FRAME_STEP, FRAMES
from speakerid.diarization.assignment import assignment
from speakerid.types import FloatArray

STEP_FRAMES = 296  # from window to window, 5 s
STEP = STEP_FRAMES * FRAME_STEP  # samples
RAMP = 148  # frames, 2.5 s: the ends of a window count for less, because it knows only one side of them
WEIGHTS = np.minimum(np.minimum(np.arange(FRAMES) + 1, FRAMES - np.arange(FRAMES)) / RAMP, 1.0).astype(np.float32)

Speaking = NDArray[np.bool_]  # (frames, speakers)


class Stitcher:
    """Takes the windows of a recording in order."""

    def __init__(self, speakers: int) -> None:
        self._sum = np.zeros((FRAMES, speakers), np.float32)
        self._weight = np.zeros(FRAMES, np.float32)
        self._last: FloatArray | None = None

    def add(self, window: FloatArray) -> Speaking:
        """`window (FRAMES, k)` -> the frames `(n, k)` that it settles: those before it."""
        settled = self._settled(STEP_FRAMES if self._last is not None else 0)
        if self._last is not None:
            window = window[:, matching(self._last[STEP_FRAMES:], window[: FRAMES - STEP_FRAMES])]
            self._shift()
        self._sum += window * WEIGHTS[:, None]
        self._weight += WEIGHTS
        self._last = window
        return settled

    def finish(self) -> Speaking:
        """What is left."""
        return self._settled(FRAMES if self._last is not None else 0)

    def _settled(self, count: int) -> Speaking:
        return most_likely(self._sum[:count] / np.maximum(self._weight[:count, None], WEIGHTS[0]))

    def _shift(self) -> None:
        for held in (self._sum, self._weight):
            held[:-STEP_FRAMES] = held[STEP_FRAMES:].copy()
            held[-STEP_FRAMES:] = 0.0


def matching(before: FloatArray, after: FloatArray) -> NDArray[np.intp]:
    """`(n, k)` both, of the same frames -> which speaker of `after` each of `before` is."""
    differing = np.abs(before[:, :, None] - after[:, None, :]).sum(axis=0)
    return np.array([column for _, column in assignment(differing - before.T @ after)], np.intp)


def most_likely(shares: FloatArray) -> Speaking:
    """`(n, k)` shares of the windows in which each speaks -> the likeliest ones, as many as speak on average."""
    count = np.floor(shares.sum(axis=1) + 0.5)
    rank = np.argsort(np.argsort(-shares, axis=1, kind="stable"), axis=1, kind="stable")
    speaking: Speaking = (rank < count[:, None]) & (shares > 0.0)
    return speaking
