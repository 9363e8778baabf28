"""From segments and their clusters to turns: one span for each stretch without a pause."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from speakerid.audio.segmentation import FRAME_LENGTH
from speakerid.diarization.clustering import Labels
from speakerid.diarization.segments import Segment
from speakerid.types import Span

PAUSE = 8_000  # samples, 0.5 s: words of one person, if no other person speaks; a longer pause ends a span
LEAST = 800  # samples, 50 ms: less is no turn
TOUCHING = 3_200  # samples, 0.2 s: the same where another person speaks in between
DOUBT = FRAME_LENGTH  # samples, 62 ms: what one frame sees, so that no end of a span is known better


@dataclass(frozen=True, order=True)
class ClusterTurn:
    """One person, speaking without a pause."""

    span: Span
    cluster: int


def reconstructed(segments: Sequence[Segment], labels: Labels) -> list[ClusterTurn]:
    """Turns of the clusters, by start."""
    spans = [ClusterTurn(span, int(label)) for one, label in zip(segments, labels, strict=True) for span in one.spans]
    return _joined(sorted(spans))


def by_appearance(segments: Sequence[Segment], labels: Labels) -> Labels:
    """Clusters numbered in the order in which they begin to speak."""
    order = {label: nth for nth, label in enumerate(dict.fromkeys(labels[np.argsort([s.start for s in segments])]))}
    return np.array([order[label] for label in labels], np.intp)


def yielding(spoken: Sequence[ClusterTurn], named: Collection[int]) -> list[ClusterTurn]:
    """Turns by start, those of `named` clusters shorter by `DOUBT` at an end that lies in an unnamed one's."""
    unnamed = [one.span for one in spoken if one.cluster not in named]
    starts, ends = [start for start, _ in unnamed], list(accumulate((end for _, end in unnamed), max))

    def doubt(at: int) -> int:
        before = bisect_right(starts, at)
        return DOUBT if before and at <= ends[before - 1] else 0

    def shorter(one: ClusterTurn) -> ClusterTurn:
        return ClusterTurn((one.span[0] + doubt(one.span[0]), one.span[1] - doubt(one.span[1])), one.cluster)

    found = [shorter(one) if one.cluster in named else one for one in spoken]
    long = [one for one in found if one.span[1] - one.span[0] >= LEAST]
    left = {one.cluster for one in long}  # whom every turn would be taken from keeps theirs as they were
    return sorted(long + [one for one in spoken if one.cluster not in left])


def sharing(spans: Sequence[Span]) -> list[bool]:
    """Whether each of `spans`, whose starts ascend, has time in common with another."""
    ends = list(accumulate((end for _, end in spans), max, initial=0))  # of all before
    starts = [*(start for start, _ in spans[1:]), None]
    return [
        start < before or (following is not None and following < end)
        for (start, end), before, following in zip(spans, ends, starts, strict=False)
    ]


def _joined(spoken: Sequence[ClusterTurn]) -> list[ClusterTurn]:
    """Turns joined where there is no pause; `spoken` by start."""
    found: list[ClusterTurn] = []
    last: dict[int, int] = {}  # where in `found` each cluster speaks last
    latest = ClusterTurn((0, 0), -1)  # who of all has the latest end
    for one in spoken:
        nth = last.get(one.cluster)
        if nth is not None and _goes_on(found[nth].span, one.span, alone=latest.cluster == one.cluster):
            found[nth] = ClusterTurn((found[nth].span[0], max(found[nth].span[1], one.span[1])), one.cluster)
        else:
            last[one.cluster] = nth = len(found)
            found.append(one)
        latest = found[nth] if found[nth].span[1] >= latest.span[1] else latest
    return sorted(one for one in found if one.span[1] - one.span[0] >= LEAST)


def _goes_on(before: Span, after: Span, *, alone: bool) -> bool:
    """Whether there is no pause between them; `alone`: no other person has spoken since."""
    return after[0] - before[1] <= (PAUSE if alone else TOUCHING)
