"""From segments and their clusters to what is said by whom: one span for each stretch without a pause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from speakerid.diarization.clustering import Labels
from speakerid.diarization.segments import Segment
from speakerid.types import Span

PAUSE = 4_800  # samples, 0.3 s: words of one person; a longer pause ends a span


@dataclass(frozen=True, order=True)
class Spoken:
    """One person, speaking without a pause."""

    span: Span
    cluster: int


def reconstructed(segments: Sequence[Segment], labels: Labels) -> list[Spoken]:
    """By start."""
    spans = [Spoken(span, int(label)) for one, label in zip(segments, labels, strict=True) for span in one.spans]
    return _joined(spans)


def by_appearance(segments: Sequence[Segment], labels: Labels) -> Labels:
    """Clusters numbered in the order in which they begin to speak."""
    order = {label: nth for nth, label in enumerate(dict.fromkeys(labels[np.argsort([s.start for s in segments])]))}
    return np.array([order[label] for label in labels], np.intp)


def sharing(spans: Sequence[Span]) -> list[bool]:
    """Whether each of `spans`, whose starts ascend, has time in common with another."""
    ends = list(accumulate((end for _, end in spans), max, initial=0))  # of all before
    starts = [*(start for start, _ in spans[1:]), None]
    return [
        start < before or (following is not None and following < end)
        for (start, end), before, following in zip(spans, ends, starts, strict=False)
    ]


def _joined(spoken: Iterable[Spoken]) -> list[Spoken]:
    found: list[Spoken] = []
    for one in sorted(spoken, key=lambda each: (each.cluster, each.span)):
        if found and found[-1].cluster == one.cluster and one.span[0] - found[-1].span[1] <= PAUSE:
            found[-1] = Spoken((found[-1].span[0], max(found[-1].span[1], one.span[1])), one.cluster)
        else:
            found.append(one)
    return sorted(found)
