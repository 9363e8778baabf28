"""Whom segmentation tells apart in the last ten seconds of a stream, numbered alike as time goes on."""

from __future__ import annotations

import numpy as np

from speakerid.audio.segmentation import FRAME_STEP, WINDOW, Segmenter, frame_at
from speakerid.diarization.segments import matching
from speakerid.types import FloatArray, Span


class LocalSpeakers:
    """Places are samples from the start of the stream."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._start = 0
        self._speaking: FloatArray | None = None

    def hear(self, samples: FloatArray, end: int) -> None:
        """`samples`: the last ones, up to `WINDOW`, that end at `end`."""
        if self._segmenter.speakers == 1:
            return
        start, window = end - WINDOW, np.pad(samples, (WINDOW - len(samples), 0))
        found = self._segmenter.speaking(window[None])[0]
        moved = round((start - self._start) / FRAME_STEP)
        if self._speaking is not None and moved < len(found):
            found = found[:, matching(self._speaking[moved:], found[: len(found) - moved])]
        self._start, self._speaking = start, found

    def of(self, place: Span) -> int | None:
        """Who speaks most in `place`; None where that is not known."""
        start, end = place
        if self._speaking is None or start < self._start:
            return None
        speaking = self._speaking[self._frame(start) : self._frame(end)].sum(axis=0)
        return int(speaking.argmax()) if speaking.any() else None

    def change(self, near: int, reach: int) -> int:
        """The change of speaker nearest to the place `near`, or `near` itself where there is none within `reach`."""
        if self._speaking is None:
            return near
        first = self._frame(near - reach)
        leading = self._speaking[first : self._frame(near + reach)]
        who = leading.argmax(axis=1)[leading.any(axis=1)]
        frames = np.flatnonzero(leading.any(axis=1))
        places = [
            self._start + (first + int(frames[nth])) * FRAME_STEP + FRAME_STEP for nth in np.flatnonzero(np.diff(who))
        ]
        return min(places, key=lambda place: abs(place - near), default=near)

    def _frame(self, place: int) -> int:
        """The first one for all that is before the window."""
        return max(frame_at(place - self._start), 0)
