"""From windows and their voices to turns: a turn ends at a pause, or halfway between two windows of other voices."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from speakerid.diarization.clustering import Labels
from speakerid.types import Span


@dataclass(frozen=True, order=True)
class Talk:
    """One voice, speaking without a pause."""

    span: Span
    voice: int


def turns(stretches: Sequence[Span], windows: Sequence[Span], labels: Labels) -> list[Talk]:
    """Stretches too short for a window go to the voice of the nearest one. All ascending; none without windows."""
    if not len(windows):
        return []
    centers = [(start + end) // 2 for start, end in windows]
    return [turn for stretch in stretches for turn in _of(stretch, centers, labels)]


def cut(talks: Sequence[Talk], longest: int) -> Iterator[Talk]:
    """The same with those above `longest` samples cut evenly."""
    for talk in talks:
        start, end = talk.span
        count = -(-(end - start) // longest)
        edges = [start + (end - start) * nth // count for nth in range(count + 1)]
        yield from (Talk(span, talk.voice) for span in pairwise(edges))


def _of(stretch: Span, centers: Sequence[int], labels: Labels) -> Iterator[Talk]:
    start, end = stretch
    first, last = bisect_left(centers, start), bisect_left(centers, end)
    if first == last:
        yield Talk(stretch, int(labels[_nearest(centers, (start + end) // 2)]))
        return
    for window in range(first + 1, last):
        if labels[window] != labels[window - 1]:
            middle = (centers[window - 1] + centers[window]) // 2
            yield Talk((start, middle), int(labels[window - 1]))
            start = middle
    yield Talk((start, end), int(labels[last - 1]))


def _nearest(centers: Sequence[int], at: int) -> int:
    after = bisect_left(centers, at)
    around = [one for one in (after - 1, after) if 0 <= one < len(centers)]
    return min(around, key=lambda one: abs(centers[one] - at))
