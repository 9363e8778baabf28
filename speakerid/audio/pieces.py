"""A long recording in pieces, cut anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from speakerid.types import FloatArray


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
