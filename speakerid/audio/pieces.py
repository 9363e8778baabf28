"""A long recording in pieces: cut anew, or only what certain spans of it hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from speakerid.types import FloatArray, Span


def rechunked(pieces: Iterable[FloatArray], size: int) -> Iterator[FloatArray]:
    """The same samples, `size` at a time; the last piece may be shorter, none is empty."""
    waiting: list[FloatArray] = []
    have = 0
    for piece in pieces:
        waiting.append(piece)
        have += len(piece)
        if have < size:
            continue
        whole = np.concatenate(waiting)
        cut = have // size * size
        yield from whole[:cut].reshape(-1, size)
        waiting, have = [whole[cut:]], have - cut
    if have:
        yield np.concatenate(waiting)


def read_spans(pieces: Iterable[FloatArray], spans: Sequence[Span]) -> Iterator[FloatArray]:
    """The samples of each of `spans`, whose starts ascend and which may overlap; reads no further than the last end.

    Keeps no more than one span and one piece.
    """
    source = iter(pieces)
    held: list[FloatArray] = []
    begin = end = 0  # of what is held
    for start, stop in spans:
        while held and begin + len(held[0]) <= start:
            begin += len(held.pop(0))
        while end < stop and (piece := next(source, None)) is not None:
            end += len(piece)
            if end > start:
                held.append(piece)
            else:
                begin = end
        yield np.concatenate([*held, np.zeros(0, np.float32)])[start - begin : stop - begin]
