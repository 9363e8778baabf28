"""Where two speak at once: who the second voice is.

People begin before others have ended, so it is the voice heard nearest before or after (Otterson & Ostendorf,
"Efficient use of overlap information in speaker diarization", ASRU 2007).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

from speakerid.diarization.turns import Talk
from speakerid.types import Span


@dataclass(frozen=True)
class SecondOptions:
    """In samples at 16 kHz."""

    reach: int = 48_000  # around what somebody said, in which that voice may be the second one
    shortest: int = 8_000  # of what is added apart from everything else that voice said: less is more often none


def with_second_voices(talks: Sequence[Talk], overlaps: Sequence[Span], options: SecondOptions) -> list[Talk]:
    """`talks` of one voice at a time and `overlaps`, both ascending -> all that is said, by start.

    In every overlap the nearest other voice within reach speaks too. What one voice says without a pause is one talk.
    """
    whole = merged(talks)
    places = ((nth, span) for nth, talk in enumerate(whole) for span in _inside(overlaps, talk.span))
    added = (_second(whole, nth, span, options) for nth, span in places)
    return merged([*whole, *(one for one in added if one is not None)])


def merged(talks: Iterable[Talk]) -> list[Talk]:
    """Talks of one voice that touch or share time as one, by start."""
    found: list[Talk] = []
    for talk in sorted(talks, key=lambda one: (one.voice, one.span)):
        if found and found[-1].voice == talk.voice and talk.span[0] <= found[-1].span[1]:
            found[-1] = Talk((found[-1].span[0], max(found[-1].span[1], talk.span[1])), talk.voice)
        else:
            found.append(talk)
    return sorted(found)


def without(span: Span, overlaps: Sequence[Span]) -> list[Span]:
    """The parts of `span` in which one voice speaks alone."""
    edges = [span[0], *(edge for overlap in _inside(overlaps, span) for edge in overlap), span[1]]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def overlapped(span: Span, overlaps: Sequence[Span]) -> bool:
    return next(_inside(overlaps, span), None) is not None


def sharing(spans: Sequence[Span]) -> list[bool]:
    """Whether each of `spans`, whose starts ascend, has time in common with another."""
    ends = list(accumulate((end for _, end in spans), max, initial=0))  # of all before
    starts = [*(start for start, _ in spans[1:]), None]
    return [
        start < before or (following is not None and following < end)
        for (start, end), before, following in zip(spans, ends, starts, strict=False)
    ]


def _inside(overlaps: Sequence[Span], span: Span) -> Iterator[Span]:
    """The parts of `overlaps` within `span`."""
    for nth in range(bisect_right(overlaps, span[0], key=itemgetter(1)), len(overlaps)):
        start, end = overlaps[nth]
        if start >= span[1]:
            return
        yield max(start, span[0]), min(end, span[1])


def _second(talks: Sequence[Talk], nth: int, span: Span, options: SecondOptions) -> Talk | None:
    """Another voice than that of talk `nth`, in which `span` lies: the nearest, as far as it reaches."""
    start, end = span
    gap, near = min(
        _other(talks, range(nth - 1, -1, -1), lambda one: start - one.span[1], talks[nth].voice, options.reach),
        _other(talks, range(nth + 1, len(talks)), lambda one: one.span[0] - end, talks[nth].voice, options.reach),
        key=itemgetter(0),
    )
    if near is None:
        return None
    first, last = max(start, near.span[0] - options.reach), min(end, near.span[1] + options.reach)
    return Talk((first, last), near.voice) if gap == 0 or last - first >= options.shortest else None


def _other(
    talks: Sequence[Talk], order: Iterable[int], gap_to: Callable[[Talk], int], own: int, reach: int
) -> tuple[int, Talk | None]:
    """The first talk in `order` of another voice than `own`, and how far it is; none beyond `reach`."""
    for place in order:
        gap = gap_to(talks[place])
        if gap > reach:
            break
        if talks[place].voice != own:
            return gap, talks[place]
    return reach + 1, None
