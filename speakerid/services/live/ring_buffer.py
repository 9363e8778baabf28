"""The last seconds of a stream, and how good its speech is."""

from __future__ import annotations

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.quality import measure
from speakerid.types import FloatArray, Span, Speech

KEPT = 30 * SAMPLE_RATE_HZ  # samples, more than a turn has
MEASURED = 15 * SAMPLE_RATE_HZ  # samples that noise and bandwidth are measured in

REMEASURED = 3 * SAMPLE_RATE_HZ  # samples after which they are measured again, at the beginning sooner


class RingBuffer:
    """Places are samples from the start of the stream."""

    def __init__(self) -> None:
        self._held = np.zeros(2 * KEPT, np.float32)
        self._first = 0  # place of `_held[0]`
        self.total = 0
        self._clipped = 0.0  # samples
        self._speech: list[Span] = []
        self._measured: Speech | None = None
        self._measured_at = 0

    def add(self, block: FloatArray, clipping_ratio: float = 0.0) -> None:
        """At most `KEPT` samples."""
        self._clipped += clipping_ratio * len(block)
        end = self.total - self._first + len(block)
        if end > len(self._held):
            kept = self._held[self.total - self._first - KEPT : self.total - self._first].copy()
            self._held[:KEPT] = kept
            self._first = self.total - KEPT
        at = self.total - self._first
        self._held[at : at + len(block)] = block
        self.total += len(block)

    def samples(self, span: Span) -> FloatArray:
        """A copy."""
        start, end = (max(place - self._first, 0) for place in span)
        return self._held[start : min(end, self.total - self._first)].copy()

    def spoken(self, span: Span) -> None:
        """Speech was found here."""
        self._speech.append(span)

    def quality(self, ongoing: Span | None = None) -> Speech:
        """Noise and bandwidth of the last seconds, measured now or a moment ago; `ongoing` is speech too."""
        if self._measured is None or self.total - self._measured_at >= min(self._measured_at // 4, REMEASURED):
            self._measured, self._measured_at = self._measure(ongoing), self.total
        return self._measured

    def _measure(self, ongoing: Span | None) -> Speech:
        begin = max(self.total - MEASURED, 0)
        self._speech = [span for span in self._speech if span[1] > begin]
        spans = self._speech if ongoing is None else [*self._speech, ongoing]
        inside = tuple((max(start, begin) - begin, end - begin) for start, end in spans)
        return measure(self.samples((begin, self.total)), inside, self._clipped / self.total)
