"""Files that were joined, and what stands before them: chains of Ogg, recordings after one another, tags, zeros.

FFmpeg reads the first recording of a file. Each further one is given to it as a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource, from_byte, spliced
from speakerid.audio.containers import mp4
from speakerid.audio.containers.signatures import EBML
from speakerid.audio.containers.wav import is_wav

SEARCHED_BYTES = 512 * 1024 * 1024  # longer files are not gone through for further ones inside: it costs seconds
BLANK_BYTES = 1024 * 1024  # of zeros before a file
_OGG_FIRST = b"OggS\0\2"  # a page of version 0 that begins a stream
_DOC_TYPES = (b"webm", b"matroska")
_FLAC = (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")  # with the header of its first block


@dataclass(frozen=True)
class OggEnd:
    """How an Ogg file ends: whether its last page is whole, whether its stream ends there, bytes behind it."""

    is_whole: bool
    is_last: bool
    behind: int


def bare(data: ByteSource) -> ByteSource:
    """`data` from where its audio begins, behind tags and zeros; nothing where only these are."""
    at = 0
    while step := _tag_bytes(data, at) or _blank_bytes(data, at):
        at += step
    return from_byte(data, at)


def _tag_bytes(data: ByteSource, at: int) -> int:
    """Length of the ID3v2 or APEv2 tag at `at`, 0 without a whole one.

    ID3v2.4 section 3.1: four 7-bit bytes, a footer by a flag. APEv2: 32 bits that do not count the header.
    """
    head = data[at : at + 16]
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]) + 10 * bool(head[5] & 0x10)
    elif head[:8] == b"APETAGEX" and len(head) == 16:
        size = 32 + int.from_bytes(head[12:16], "little")
    else:
        return 0
    return size if at + size <= len(data) else 0


def _blank_bytes(data: ByteSource, at: int) -> int:
    """How many zeros stand before a tag or a WAV file; those before frames are skipped by FFmpeg."""
    piece = data[at : at + BLANK_BYTES]
    count = len(piece) - len(piece.lstrip(b"\0"))
    return count if count and (_tag_bytes(data, at + count) or is_wav(data, at + count)) else 0


def recordings(data: ByteSource) -> Iterator[ByteSource]:
    """The recordings of a file, in their order; of most it is one, the file itself."""
    starts = _starts(data)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield data if (start, end) == (0, len(data)) else spliced((data, start, end))


def _starts(data: ByteSource) -> list[int]:
    if data[4:8] == b"ftyp":
        return mp4.beginnings(data)
    if len(data) > SEARCHED_BYTES:
        return [0]
    if data[:4] == b"OggS":
        return _ogg_links(data)
    if data[:4] == EBML:
        return [0, *(at for at in _places(data, EBML) if at and _is_matroska(data, at))]
    if data[:4] == b"fLaC":
        return sorted({0, *(at for magic in _FLAC for at in _places(data, magic))})
    return [0]


def _places(data: ByteSource, magic: bytes) -> Iterator[int]:
    at = data.find(magic)
    while at >= 0:
        yield at
        at = data.find(magic, at + len(magic))


def _is_matroska(data: ByteSource, at: int) -> bool:
    head = data[at : at + 64]
    return any(b"\x42\x82" + bytes([0x80 | len(name)]) + name in head for name in _DOC_TYPES)


def _ogg_links(data: ByteSource) -> list[int]:
    """Where each link of a chain begins (RFC 3533 section 4): with the first pages of all of its streams."""
    starts, end_of_last = [0], 0
    for at in _places(data, _OGG_FIRST):
        if at != end_of_last and at:
            starts.append(at)
        end_of_last = at + _page_bytes(data, at)
    return starts


def first_audio_page(data: ByteSource) -> int:
    """Where the first page of Ogg begins on which samples have been counted, behind all headers."""
    at = 0
    while data[at : at + 4] == b"OggS" and data[at + 6 : at + 14] in (bytes(8), b"\xff" * 8):
        at += _page_bytes(data, at)
    return at


def _page_bytes(data: ByteSource, at: int) -> int:
    """RFC 3533 section 6: 27 bytes, n lacing values, and the bytes that they sum up to."""
    count = data[at + 26 : at + 27]
    lacing = data[at + 27 : at + 27 + (count[0] if count else 0)]
    return 27 + len(lacing) + sum(lacing)


def last_page(data: ByteSource) -> OggEnd:
    at = data.rfind(b"OggS")
    head = data[at : at + 27] if at >= 0 else b""
    end = at + _page_bytes(data, at)
    whole = len(head) == 27 and at + 27 + head[26] <= len(data) and end <= len(data)
    return OggEnd(whole, whole and bool(head[5] & 4), len(data) - (end if whole else max(at, 0)))
