"""Top-level boxes of MP4 and MOV files, ISO/IEC 14496-12: whether a file is whole."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from speakerid.audio.byte_source import ByteSource

_MEDIA = (b"mdat", b"moov", b"moof")  # a recording that lacks the end of one of these was cut


def boxes(data: ByteSource, limit: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, size in bytes) of each of the first `limit` boxes; the last may reach beyond the data."""
    at, count = 0, 0
    while at + 8 <= len(data) and (limit is None or count < limit):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack(">Q", data[at + 8 : at + 16])[0]
        if size == 0 and name == b"mdat":
            size = len(data) - at
        if size < 8 or not name.isascii() or not name.decode().isprintable():
            return
        yield name, at, size
        at, count = at + size, count + 1


def is_whole(data: ByteSource) -> bool:
    """Whether a file is all there: false when a box of samples or tables is announced longer than the data.

    Whatever some programs append behind the last box is none of that.
    """
    return all(start + size <= len(data) for name, start, size in boxes(data) if name in _MEDIA)


def has_media(data: ByteSource) -> bool:
    """Whether a file has samples: false for a header alone. Samples lie in `mdat` boxes only."""
    return any(name == b"mdat" and size > 8 for name, _, size in boxes(data))


def beginnings(data: ByteSource) -> list[int]:
    """Where files begin that were joined: at each `ftyp` behind the tables of the one before."""
    starts, tables = [0], False
    for name, start, _ in boxes(data):
        if name == b"ftyp" and tables:
            starts.append(start)
        tables = name != b"ftyp" and (tables or name == b"moov")
    return starts


def unread(data: ByteSource) -> int:
    """Bytes that no box holds behind the fragments of a recording; 0 of one that is not made of fragments."""
    found = list(boxes(data))
    if all(name != b"moof" for name, _, _ in found):
        return 0
    return max(0, len(data) - sum(size for _, _, size in found))
