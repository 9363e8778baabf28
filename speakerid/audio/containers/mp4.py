"""M4A boxes (ISO/IEC 14496-12): whether the samples are there, all of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from speakerid.audio.byte_source import ByteSource

_MEDIA = (b"mdat", b"moov", b"moof")  # a recording that lacks the end of one of these was cut


def is_whole(data: ByteSource) -> bool:
    """False when a box of samples or tables is announced longer than the data: the upload was cut.

    Whatever some programs append behind the last box is none of that.
    """
    return all(start + size <= len(data) for name, start, size in _boxes(data) if name in _MEDIA)


def has_media(data: ByteSource) -> bool:
    """False for a header alone. Samples lie in `mdat` boxes only."""
    return any(name == b"mdat" and size > 8 for name, _, size in _boxes(data))


def _boxes(data: ByteSource) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, size in bytes) of each top-level box; the last may reach beyond the data."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack(">Q", data[at + 8 : at + 16])[0]
        if size == 0:
            size = len(data) - at
        if size < 8:
            return
        yield name, at, size
        at += size
