"""From overlapping windows of ten seconds to segments: stretches of one speaker, each embedded by its speech alone.

The speakers of a window are numbered as those of the window before whom they agree with best where both overlap; the
windows are averaged, and as many speak in a frame as do on average.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.segmentation import FRAME_STEP, FRAMES, span_of
from speakerid.diarization.naming import assignment
from speakerid.types import FloatArray, Span

STEP_FRAMES = 296  # from window to window, 5 s
STEP = STEP_FRAMES * FRAME_STEP  # samples
RAMP = 148  # frames, 2.5 s: the ends of a window count for less, because it knows only one side of them
WEIGHTS = np.minimum(np.minimum(np.arange(FRAMES) + 1, FRAMES - np.arange(FRAMES)) / RAMP, 1.0).astype(np.float32)
Speaking = NDArray[np.bool_]  # (frames, speakers)
PAUSE = 12  # frames, 0.2 s: within a segment when no other person speaks in it
LONGEST = 118  # frames, 2 s, of one person alone: longer ones hold too often a change of speaker that was not found
SEAM = 148  # frames, 2.5 s: how far before its end a block is cut when everybody is silent there


class Stitcher:
    """Joins the windows of a recording, taken in order."""

    def __init__(self, speakers: int) -> None:
        self._sum = np.zeros((FRAMES, speakers), np.float32)
        self._weight = np.zeros(FRAMES, np.float32)
        self._last: FloatArray | None = None

    def add(self, window: FloatArray) -> Speaking:
        """Add `window (FRAMES, k)` -> the frames `(n, k)` that it settles: those before it."""
        settled = self._settled(STEP_FRAMES if self._last is not None else 0)
        if self._last is not None:
            window = window[:, matching(self._last[STEP_FRAMES:], window[: FRAMES - STEP_FRAMES])]
            self._shift()
        self._sum += window * WEIGHTS[:, None]
        self._weight += WEIGHTS
        self._last = window
        return settled

    def finish(self) -> Speaking:
        """The frames that are left."""
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


@dataclass(frozen=True)
class Segment:
    """A stretch of one person's speech, in samples.

    `spans`: where the speaker speaks; `alone`: where no other person does. Both ascend.
    """

    speaker: int  # number in its window; the same number nearby is probably the same person
    spans: tuple[Span, ...]
    alone: tuple[Span, ...]

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]


def seam(speaking: Speaking) -> int:
    """Where to cut before the frames that follow are known: the last silence near the end, or the end."""
    silent = np.flatnonzero(~speaking[-SEAM:].any(axis=1))
    return len(speaking) if not len(silent) else max(len(speaking) - SEAM, 0) + int(silent[-1])


def segments(speaking: Speaking, first: int) -> list[Segment]:
    """Segments of `speaking (n, k)`, of which frame 0 is frame `first` of the recording; by start."""
    count = speaking.sum(axis=1)
    found = [
        _segment(speaker, part, count, first)
        for speaker in range(speaking.shape[1])
        for group in _joined(runs(speaking[:, speaker]), count)
        for part in _cut(group, count)
    ]
    return sorted(found, key=lambda one: (one.spans, one.speaker))


def runs(flags: NDArray[np.bool_]) -> list[Span]:
    """First and end (exclusive) of each stretch of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _joined(found: Iterable[Span], count: NDArray[np.intp]) -> Iterator[list[Span]]:
    group: list[Span] = []
    for first, end in found:
        if group and (first - group[-1][1] > PAUSE or count[group[-1][1] : first].any()):
            yield group
            group = []
        group.append((first, end))
    if group:
        yield group


def _cut(group: list[Span], count: NDArray[np.intp]) -> Iterator[list[Span]]:
    """Cut into parts with equally much speech alone, at most `LONGEST`; overlap stays with one of them."""
    frames = np.concatenate([np.arange(*run) for run in group])
    alone = np.cumsum(count[frames] == 1)
    parts = max(-(-int(alone[-1]) // LONGEST), 1)
    edges = np.searchsorted(alone, alone[-1] * np.arange(1, parts) / parts) + 1
    for part in np.split(frames, edges):
        yield [(int(one[0]), int(one[-1]) + 1) for one in np.split(part, np.flatnonzero(np.diff(part) > 1) + 1)]


def _segment(speaker: int, part: list[Span], count: NDArray[np.intp], first: int) -> Segment:
    alone = [(at + one, at + other) for at, end in part for one, other in runs(count[at:end] == 1)]
    return Segment(speaker, _spans(part, first), _spans(alone, first))


def _spans(frames: Iterable[Span], first: int) -> tuple[Span, ...]:
    return tuple(span_of(first + one, first + other) for one, other in frames)


def seconds(spans: Iterable[Span], rate_hz: int) -> float:
    return sum(end - start for start, end in spans) / rate_hz
