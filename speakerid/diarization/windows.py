"""Where to listen: windows of one length inside speech, cut at pauses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from speakerid.types import Span


@dataclass(frozen=True)
class WindowOptions:
    """In samples at 16 kHz."""

    length: int = 24_000  # 1.5 s: shorter ones tell voices apart badly, longer ones hold two of them
    hop: int = 8_000
    shortest: int = 4_800  # what is shorter follows its neighbors
    longest_pause: int = 4_800  # words of one voice; a longer pause may end a turn


def joined(segments: Iterable[Span], longest_pause: int) -> Iterator[Span]:
    """`segments`, ascending, as stretches that no pause of more than `longest_pause` interrupts."""
    open_: Span | None = None
    for start, end in segments:
        if open_ is not None and start - open_[1] <= longest_pause:
            open_ = (open_[0], end)
            continue
        if open_ is not None:
            yield open_
        open_ = (start, end)
    if open_ is not None:
        yield open_


def windows(stretches: Sequence[Span], options: WindowOptions) -> list[Span]:
    """At least one window a stretch, ascending; in long ones evenly spread, each exactly `length` long.

    Equal lengths go through an encoder together. Stretches below `shortest` get none.
    """
    return [window for stretch in stretches for window in _spread(stretch, options)]


def _spread(stretch: Span, options: WindowOptions) -> Iterator[Span]:
    start, end = stretch
    spare = end - start - options.length
    if spare <= 0:
        if end - start >= options.shortest:
            yield stretch
        return
    steps = -(-spare // options.hop)
    for step in range(steps + 1):
        at = start + spare * step // steps
        yield at, at + options.length
