"""Where exactly one voice ends and the next begins: short windows around a border tell the two voices apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.turns import Talk
from speakerid.types import Span


@dataclass(frozen=True)
class BorderOptions:
    """In samples at 16 kHz."""

    length: int = 12_000  # 0.75 s: two voices are told apart sooner than one among many
    hop: int = 2_000
    reach: int = 12_000  # on each side of where the border was found first


@dataclass(frozen=True)
class Border:
    """Between talk `after - 1` and talk `after`; at least two `windows`, ascending."""

    after: int
    windows: tuple[Span, ...]


def borders(talks: Sequence[Talk], options: BorderOptions) -> list[Border]:
    """Where one voice follows another without a pause, and there is room to look closer."""
    found = [Border(after, _around(talks[after - 1].span, talks[after].span, options)) for after in _meeting(talks)]
    return [one for one in found if len(one.windows) > 1]


def _meeting(talks: Sequence[Talk]) -> list[int]:
    pairs = enumerate(pairwise(talks), 1)
    return [nth for nth, (one, other) in pairs if one.span[1] == other.span[0] and one.voice != other.voice]


def _around(one: Span, other: Span, options: BorderOptions) -> tuple[Span, ...]:
    first, last = max(one[0], one[1] - options.reach), min(other[1], other[0] + options.reach)
    starts = range(first, last - options.length + 1, options.hop)
    return tuple((start, start + options.length) for start in starts)


def cut_at(windows: Sequence[Span], gains: NDArray[np.float64]) -> int:
    """`gains (n,)`: the llr of the voice before less that of the voice behind. The cut that gains most in all."""
    before = int(np.argmax(np.concatenate([[0.0], np.cumsum(gains)])))  # how many windows are of the voice before
    centers = [(start + end) // 2 for start, end in windows]
    half = (centers[1] - centers[0]) // 2
    return centers[before] - half if before < len(centers) else centers[-1] + half


def moved(talks: Sequence[Talk], cuts: Mapping[int, int]) -> list[Talk]:
    """`cuts`: a new border before a talk, by its place; left out where no talk would be left."""
    found = list(talks)
    for after, at in sorted(cuts.items()):
        one, other = found[after - 1], found[after]
        if one.span[0] < at < other.span[1]:
            found[after - 1 : after + 1] = [Talk((one.span[0], at), one.voice), Talk((at, other.span[1]), other.voice)]
    return found
