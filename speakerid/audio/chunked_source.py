"""The bytes of an audio file that are kept in pieces somewhere else, a few of them in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import overload

CACHED = 4  # pieces


class ChunkedSource:
    """Reads like `bytes` where decoding needs it: length, indexing, slices, `find` and `rfind`."""

    def __init__(self, size: int, piece_bytes: int, load: Callable[[int], bytes]) -> None:
        """`load(n)` gives piece n; all have `piece_bytes`, only the last may have fewer."""
        self._size = size
        self._piece_bytes = piece_bytes
        self._load = lru_cache(CACHED)(load)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> int: ...

    @overload
    def __getitem__(self, at: slice) -> bytes: ...

    def __getitem__(self, at: int | slice) -> int | bytes:
        if isinstance(at, int):
            place = range(self._size)[at]
            return self._load(place // self._piece_bytes)[place % self._piece_bytes]
        start, stop, step = at.indices(self._size)
        return self._between(start, stop)[::step]

    def find(self, wanted: bytes, start: int = 0, stop: int | None = None) -> int:
        """Where `wanted` begins first in `[start, stop)`, -1 if nowhere."""
        stop = self._size if stop is None else min(stop, self._size)
        for begin in range(start, stop, self._piece_bytes):
            found = self._between(begin, min(begin + self._piece_bytes + len(wanted) - 1, stop)).find(wanted)
            if found >= 0:
                return begin + found
        return -1

    def rfind(self, wanted: bytes) -> int:
        """Where `wanted` begins last, -1 if nowhere."""
        for begin in reversed(range(0, self._size, self._piece_bytes)):
            found = self._between(begin, min(begin + self._piece_bytes + len(wanted) - 1, self._size)).rfind(wanted)
            if found >= 0:
                return begin + found
        return -1

    def _between(self, start: int, stop: int) -> bytes:
        size = self._piece_bytes
        pieces = (
            self._load(nth)[max(start - nth * size, 0) : stop - nth * size]
            for nth in range(start // size, (stop - 1) // size + 1)
        )
        return b"".join(pieces) if start < stop else b""
