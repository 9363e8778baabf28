"""A recording read once, as blocks of some seconds: their samples, and the segments of speech in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from speakerid.audio.conditioning import rechunked
from speakerid.audio.segmentation import FIRST_EDGE, FRAME_STEP, WINDOW, Segmenter
from speakerid.diarization.segments import STEP, Segment, Speaking, Stitcher, seam, segments
from speakerid.types import FloatArray, Span

WINDOWS = 2  # gone through together: one alone takes half as long again, more gain nothing
NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True)
class SegmentedBlock:
    """A block of a recording: `samples (n,)` from sample `start` on; blocks follow one another without a gap."""

    start: int
    samples: FloatArray
    segments: tuple[Segment, ...]

    def cut(self, spans: Iterable[Span]) -> FloatArray:
        """The samples of `spans`, in a row."""
        return np.concatenate([NOTHING, *(self.samples[max(a - self.start, 0) : b - self.start] for a, b in spans)])


@dataclass
class _Held:
    """Samples and frames that are not in a block yet."""

    samples: FloatArray = field(default_factory=lambda: NOTHING)
    speaking: list[Speaking] = field(default_factory=list)
    start: int = 0
    frame: int = 0

    def block(self, frames: int, samples: int) -> SegmentedBlock:
        """A block of the first `frames` and `samples`, which are held no longer."""
        speaking = np.concatenate(self.speaking)
        found = SegmentedBlock(self.start, self.samples[:samples], tuple(self._segments(speaking[:frames], samples)))
        self.samples, self.speaking = self.samples[samples:], [speaking[frames:]]
        self.start, self.frame = self.start + samples, self.frame + frames
        return found

    def _segments(self, speaking: Speaking, samples: int) -> Iterator[Segment]:
        end = self.start + samples
        for one in segments(speaking, self.frame):
            spans, alone = _within(one.spans, end), _within(one.alone, end)
            if spans:
                yield Segment(one.speaker, spans, alone)


def blocks(pieces: Iterable[FloatArray], segmenter: Segmenter) -> Iterator[SegmentedBlock]:
    """Blocks of a recording, from `pieces` of samples at 16 kHz, in order."""
    stitcher, held = Stitcher(segmenter.speakers), _Held()
    windows = _windows(pieces, held)
    while group := list(islice(windows, WINDOWS)):
        for window in segmenter.speaking(np.stack(group)):
            held.speaking.append(stitcher.add(window))
        settled = np.concatenate(held.speaking)
        if frames := seam(settled) if len(settled) else 0:
            yield held.block(frames, (held.frame + frames) * FRAME_STEP + FIRST_EDGE - held.start)
    held.speaking.append(stitcher.finish())
    if len(held.samples):
        yield held.block(sum(map(len, held.speaking)), len(held.samples))


def _windows(pieces: Iterable[FloatArray], held: _Held) -> Iterator[FloatArray]:
    """Windows, each `STEP` after the one before; the last one reaches the end, and beyond it is silence."""
    recent, waiting = NOTHING, 0
    for piece in rechunked(pieces, STEP):
        held.samples = np.concatenate([held.samples, piece])
        recent, waiting = np.concatenate([recent, piece]), waiting + len(piece)
        if len(recent) >= WINDOW:
            yield recent[:WINDOW]
            recent, waiting = recent[STEP:], len(recent) - WINDOW
    if waiting:
        yield np.pad(recent[:WINDOW], (0, max(WINDOW - len(recent), 0)))


def _within(spans: Sequence[Span], end: int) -> tuple[Span, ...]:
    return tuple((a, min(b, end)) for a, b in spans if a < end)
