"""From frames to segments: short stretches of one speaker, each embedded by what is said in it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.segmentation import span_of
from speakerid.diarization.stitching import Speaking
from speakerid.types import Span

PAUSE = 12  # frames, 0.2 s: within a segment when no other person speaks in it
LONGEST = 118  # frames, 2 s, said alone: in longer ones there is too often a change of speaker that was not found
SEAM = 148  # frames, 2.5 s: how far before its end a block is cut when everybody is silent there


@dataclass(frozen=True)
class Segment:
    """In samples. `spans`: where the speaker speaks; `alone`: where no other person does. Both ascend."""

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
    """`speaking (n, k)`, of which frame 0 is frame `first` of the recording; by start."""
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
    """In parts with equally much that is said alone, at most `LONGEST`; what two say at once stays with one of them."""
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
