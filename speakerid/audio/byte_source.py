"""The bytes of an audio file: in memory, or elsewhere and read as needed, so that a long recording is never whole."""

from __future__ import annotations

import hashlib
import io
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol, overload

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


def _map(path: Path, max_bytes: int) -> ByteSource:
    with opened(path) as file:
        size = file.seek(0, io.SEEK_END)
        if size > max_bytes:
            raise FileTooLarge(max_bytes)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""


def sha256(audio: ByteSource) -> str:
    """Hexadecimal digest, of the bytes alone."""
    digest = hashlib.sha256()
    file = io.BytesIO(audio) if isinstance(audio, bytes) else Cursor(audio)
    while piece := file.read(KEPT_BYTES):
        digest.update(piece)
    return digest.hexdigest()


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
