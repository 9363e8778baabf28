"""M4A boxes (ISO/IEC 14496-12): whether the file is whole and its tables are small enough to expand.

FFmpeg builds 24 bytes of index per sample that a table announces, and a table of a constant sample size
needs no bytes per sample: 17 KB announcing 30 million samples cost it 1.2 GB and 14 s. So the counts are
checked first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from speakerid.audio.encoded import Encoded
from speakerid.errors import MalformedAudio

MAX_SAMPLES_PER_S = 500  # AAC-ELD at 48 kHz has 100 packets a second; video and text tracks have less
MAX_TABLE_BYTES = 64 * 1024 * 1024  # of boxes without samples in a row; 12 hours of AAC have 8 MB of tables
MAX_EDITS = 64  # a trimmed voice memo has one or two; every edit can repeat the whole index
_COUNTED = {
    b"stsz": 8,
    b"stz2": 8,
    b"trun": 4,
    b"elst": 4,
}  # table name: bytes between the name and its 32-bit count


def is_whole(data: Encoded) -> bool:
    """False when the last top-level box is announced longer than the data: the upload was cut."""
    end = 0
    for _, start, size in _boxes(data):
        end = start + size
    return end <= len(data)


def has_media(data: Encoded) -> bool:
    """False for a header alone. Samples lie in `mdat` boxes only."""
    return any(name == b"mdat" and size > 8 for name, _, size in _boxes(data))


def check_tables(data: Encoded, max_seconds: float) -> None:
    """Raises MalformedAudio when a table announces more entries than `max_seconds` of audio can need."""
    at = 0
    for name, start, size in _boxes(data):
        if name == b"mdat":
            _check_counts(_tables(data, at, start), max_seconds)
            at = min(start + size, len(data))
    _check_counts(_tables(data, at, len(data)), max_seconds)


def _tables(data: Encoded, start: int, stop: int) -> bytes:
    if stop - start > MAX_TABLE_BYTES:
        raise MalformedAudio(f"The M4A file has {stop - start} bytes of tables in a row. Export the audio again.")
    return data[start:stop]


def _boxes(data: Encoded) -> Iterator[tuple[bytes, int, int]]:
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


def _check_counts(boxes: bytes, max_seconds: float) -> None:
    """Looks for the tables wherever they are nested; the compressed samples themselves are not in `boxes`."""
    for name, gap in _COUNTED.items():
        limit = MAX_EDITS if name == b"elst" else int(max_seconds * MAX_SAMPLES_PER_S)
        at = boxes.find(name)
        while 0 <= at <= len(boxes) - 8 - gap:
            count = struct.unpack_from(">I", boxes, at + 4 + gap)[0]
            if count > limit:
                table = f"The M4A table {name.decode()} announces {count} entries, more than {limit}"
                raise MalformedAudio(f"{table}. Export the audio again.")
            at = boxes.find(name, at + 4)
