"""The bytes of an audio file: in memory, or elsewhere and read as needed, so that a long recording is never whole."""

from __future__ import annotations

import hashlib
import io
import mmap
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import IO, Protocol, overload

from speakerid.audio.files import RECORDING_BYTES, opened
from speakerid.errors import FileTooLarge

KEPT_BYTES = 4 * 1024 * 1024  # of a mapped file that stay in memory behind the place that is read
CACHED = 4  # pieces


class ChunkedSource:
    """A file kept in pieces elsewhere, a few of them in memory. It reads like `bytes` where decoding needs that."""

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


ByteSource = bytes | mmap.mmap | ChunkedSource
Stretch = tuple[ByteSource, int, int]  # a source, and where a part of it starts and ends (exclusive)
SPLICED_BYTES = 1024 * 1024  # loaded at once of a spliced source


def spliced(*stretches: Stretch) -> ByteSource:
    """Stretches of other sources one after another. Nothing is copied but what is read."""
    ends = list(accumulate(stop - start for _, start, stop in stretches))
    size = ends[-1] if ends else 0

    def load(nth: int) -> bytes:
        at, end, found = nth * SPLICED_BYTES, min((nth + 1) * SPLICED_BYTES, size), list[bytes]()
        while at < end:
            source, start, stop = stretches[bisect_right(ends, at)]
            skip = at - (ends[bisect_right(ends, at)] - (stop - start))
            found.append(source[start + skip : min(stop, start + skip + end - at)])
            at += len(found[-1])
        return b"".join(found)

    return load(0) if size <= SPLICED_BYTES else ChunkedSource(size, SPLICED_BYTES, load)


def from_byte(data: ByteSource, start: int) -> ByteSource:
    """What follows the first `start` bytes."""
    return data if start == 0 else spliced((data, start, len(data)))


def without_zeros(data: ByteSource, start: int = 0) -> int:
    """Where `data` ends without the zeros at its end, `start` at least."""
    stop = len(data)
    while stop > start:
        piece = data[max(start, stop - SPLICED_BYTES) : stop].rstrip(b"\0")
        if piece:
            return max(start, stop - SPLICED_BYTES) + len(piece)
        stop = max(start, stop - SPLICED_BYTES)
    return start


class Arriving(Protocol):
    """Bytes that come while they are read: not to be sought in, their end unknown."""

    def read(self, size: int) -> bytes:
        """Waits for at least one byte; none at the end."""


@contextmanager
def mapped_file(path: str | Path, max_bytes: int = RECORDING_BYTES) -> Iterator[ByteSource]:
    """Raises FileMissing when it is not a readable file, FileTooLarge above `max_bytes`."""
    data = _map(Path(path), max_bytes)
    try:
        yield data
    finally:
        if isinstance(data, mmap.mmap):
            data.close()


@contextmanager
def mapped_object(file: IO[bytes], max_bytes: int = RECORDING_BYTES) -> Iterator[ByteSource]:
    """Of a file of the disk. Raises FileTooLarge above `max_bytes`."""
    file.flush()
    data = _map_open(file, max_bytes)
    try:
        yield data
    finally:
        if isinstance(data, mmap.mmap):
            data.close()


def _map(path: Path, max_bytes: int) -> ByteSource:
    with opened(path) as file:
        return _map_open(file, max_bytes)


def _map_open(file: IO[bytes], max_bytes: int) -> ByteSource:
    size = file.seek(0, io.SEEK_END)
    if size > max_bytes:
        raise FileTooLarge(max_bytes)
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""


def sha256(audio: ByteSource) -> str:
    """Hexadecimal digest, of the bytes alone."""
    digest, file = hashlib.sha256(), as_file(audio)
    while piece := file.read(KEPT_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def as_file(audio: ByteSource) -> io.BytesIO | Cursor:
    """To read and seek in; what was read of a mapped file does not stay in memory."""
    return io.BytesIO(audio) if isinstance(audio, bytes) else Cursor(audio)


class Cursor:
    """A place in a mapped or stored file, for FFmpeg to read from; several may be open on one file."""

    def __init__(self, data: mmap.mmap | ChunkedSource) -> None:
        self._data = data
        self._at = 0
        self._forgotten = 0

    def read(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        if isinstance(self._data, mmap.mmap):
            self._forget(self._data)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, start + offset)
        self._forgotten = min(self._forgotten, self._at)
        return self._at

    def tell(self) -> int:
        return self._at

    def _forget(self, data: mmap.mmap) -> None:
        """Release pages that were read: until `madvise` they count as this process's memory."""
        end = (self._at - KEPT_BYTES) // mmap.PAGESIZE * mmap.PAGESIZE
        if end - self._forgotten < KEPT_BYTES:
            return
        start = self._forgotten // mmap.PAGESIZE * mmap.PAGESIZE
        if hasattr(mmap, "MADV_DONTNEED"):
            data.madvise(mmap.MADV_DONTNEED, start, end - start)
        self._forgotten = end
