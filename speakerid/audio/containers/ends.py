"""Where the audio of a container ends by its own announcement: CAF, W64, AVI, FLV, VOC, SoX and RealMedia."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from speakerid.audio.byte_source import ByteSource

W64 = b"riff\x2e\x91\xcf\x11"
VOC = b"Creative Voice File\x1a"
UNKNOWN = 0x7FFF_F000  # 32-bit sizes from here on are of a stream, whatever the writer fills in
UNKNOWN_64 = 1 << 62  # so are these of 64 bits, -1 among them
EMPTY_BYTES = 24  # a chunk of nothing, as writers leave it that died or could not go back
MOST_CHUNKS = 1_000_000  # FFmpeg writes VOC in blocks of 1 KB
_FLV_HEAD_BYTES = 65_536
_Chunks = Iterator[tuple[bytes, int, int]]  # name, start, end


def announced_end(data: ByteSource) -> int:
    """The byte behind the last one with audio; 0 where nothing is announced, as while a stream is recorded."""
    if data[:4] == b"caff":
        return _end_of(b"data", _chunks(data, 8, ">4sq", 12))
    if data[:8] == W64:
        return _end_of(b"data", _chunks(data, 40, "<4s12xq", 0, align=8))
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return max((_movi_end(data, at) for _, at, _ in _chunks(data, 0, "<4sI", 8, align=2)), default=0)
    if data[:3] == b"FLV":
        return int(flv_number(data, b"filesize"))
    if data[:4] == b".SoX":
        size, samples = struct.unpack("<IQ", data[4:16]) if len(data) >= 16 else (0, 0)
        return int(4 + size + 4 * samples) if 0 < samples < UNKNOWN_64 else 0
    if data[:20] == VOC:
        return _voc_end(data)
    return _end_of(b"DATA", _chunks(data, 0, ">4sI", 0)) if data[:4] == b".RMF" else 0


def flv_number(data: ByteSource, name: bytes) -> float:
    """A number of onMetaData, 0.0 without it: AMF0 sections 2.2 and 2.5, a name, a zero, eight bytes."""
    head, key = data[:_FLV_HEAD_BYTES], struct.pack(">H", len(name)) + name + b"\0"
    at = head.find(key) + len(key)
    if at < len(key) or at + 8 > len(head):
        return 0.0
    number = float(struct.unpack_from(">d", head, at)[0])
    return number if 0.0 < number < UNKNOWN_64 else 0.0  # neither NaN


def _chunks(data: ByteSource, at: int, form: str, head: int, align: int = 1) -> _Chunks:
    """Chunks with a header of `form`; their size does not count the `head` bytes of it."""
    start = struct.calcsize(form)
    for _ in range(MOST_CHUNKS):
        if at + start > len(data):
            return
        name, size = struct.unpack(form, data[at : at + start])
        end = at + head + (size if size >= 0 else UNKNOWN_64)
        yield name, at, end
        at = max(end + -end % align, at + start)


def _end_of(wanted: bytes, chunks: _Chunks) -> int:
    """0 of a chunk of unknown size; those of RealMedia have 32 bits."""
    for name, start, end in chunks:
        if name == wanted:
            return _known(start, end, UNKNOWN if wanted == b"DATA" else UNKNOWN_64)
    return 0


def _movi_end(data: ByteSource, riff: int) -> int:
    """Of the list with the packets in one of an AVI file's RIFF chunks, the index behind it left out."""
    if data[riff : riff + 4] != b"RIFF":
        return 0
    for name, start, end in _chunks(data, riff + 12, "<4sI", 8, align=2):
        if name == b"LIST" and data[start + 8 : start + 12] == b"movi":
            return _known(start, end, UNKNOWN)
    return 0


def _known(start: int, end: int, unknown: int) -> int:
    return end if EMPTY_BYTES < end - start < unknown else 0


def _voc_end(data: ByteSource) -> int:
    """The end of the last block: a byte of type, three of size; type 0 ends the file and has no size."""
    at = int.from_bytes(data[20:22], "little")
    for _ in range(MOST_CHUNKS):
        if at + 4 > len(data) or not data[at]:
            return at
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "little")
    return 0
