"""What bytes are that FFmpeg knows no audio in: named only where a signature or a parser is sure of it."""

from __future__ import annotations

import io
import json
import zipfile
import zlib

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers.formats import SEND
from speakerid.audio.containers.header import check_whole
from speakerid.audio.containers.mp4 import boxes
from speakerid.audio.containers.signatures import CLUSTER, container, is_fragment
from speakerid.errors import AudioError, MalformedAudio, NoSamples, TruncatedAudio, UnsupportedAudio

READ_BYTES = 1024 * 1024  # of text, to be sure that it is text
_SIGNATURES = (  # of eight bytes or so: none is found in speech by chance
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"%PDF-1.", "a PDF document"),
    (b"%PDF-2.", "a PDF document"),
)
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_BLOCK = 0xA3  # a SimpleBlock
_LATER_CHUNK = (
    "This is a later chunk of a {} recording, without its beginning. Send the first chunk, too: join all chunks of the "
    "recorder in their order and send them as one file."
)


def refusal(data: ByteSource) -> AudioError:
    """Why `data`, which FFmpeg cannot open, is no audio."""
    if data[4:8] == b"ftyp" and data[8:12] in _IMAGE_BRANDS:
        return UnsupportedAudio(f"This is a HEIF image, not audio. {SEND}.")
    try:
        check_whole(data)
    except (NoSamples, TruncatedAudio) as error:
        return error
    if later := later_chunk(data):
        return UnsupportedAudio(_LATER_CHUNK.format(later))
    if name := container(data):
        return MalformedAudio(f"It looks like {name}, but it cannot be opened. Export it again.")
    return UnsupportedAudio(f"This is {_described(data)}. {SEND}.")


def cut_or_empty(data: ByteSource) -> AudioError:
    """Why FFmpeg comes to the end of `data` before any audio."""
    try:
        check_whole(data)
    except TruncatedAudio as error:
        return error
    except NoSamples:
        pass
    return NoSamples()


def later_chunk(data: ByteSource) -> str | None:
    """The container that this is a later chunk of, as recorders of browsers deliver them; None for anything else."""
    if data[:4] == CLUSTER or _is_block(data):
        return "WebM"
    names = [name for name, _, _ in boxes(data, limit=16)]
    return "fragmented MP4" if names and is_fragment(names[0]) and b"moov" not in names and b"moof" in names else None


def _is_block(data: ByteSource) -> bool:
    """Whether a SimpleBlock of one or two bytes of length begins here, and another element where it ends."""
    if len(data) < 8 or data[0] != _BLOCK:
        return False
    size, head = (data[1] & 0x7F, 2) if data[1] & 0x80 else (int.from_bytes(data[1:3], "big") & 0x3FFF, 3)
    end = head + size
    return data[head] == 0x81 and (data[end : end + 1] == bytes([_BLOCK]) or data[end : end + 4] == CLUSTER)


def _described(data: ByteSource) -> str:
    head = data[: READ_BYTES + 1]
    for magic, name in _SIGNATURES:
        if head.startswith(magic):
            return f"{name}, not audio"
    if _is_jpeg(head):
        return "a JPEG image, not audio"
    if head.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(head)):
        return "a ZIP archive, not audio"
    if head.startswith(b"\x1f\x8b") and _is_gzip(head):
        return "a gzip archive, not audio"
    return _text(head) or f"not audio in any known format (it starts with {head[:4].hex(' ')})"


def _is_jpeg(head: bytes) -> bool:
    """Whether three segments of JPEG follow one another: a marker, and the length of all but its first two bytes."""
    at = 2
    for _ in range(3):
        if not head.startswith(b"\xff\xd8\xff") or head[at : at + 1] != b"\xff" or head[at + 1 : at + 2] < b"\xc0":
            return False
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return True


def _is_gzip(head: bytes) -> bool:
    try:
        return bool(zlib.decompressobj(wbits=31).decompress(head[:4096], 16))
    except zlib.error:
        return False


def _text(head: bytes) -> str | None:
    """What text it is: valid UTF-8 without control characters. Names of kinds are for what their parser takes."""
    try:
        text = head[:READ_BYTES].decode("utf-8", errors="strict" if len(head) <= READ_BYTES else "ignore")
    except UnicodeDecodeError:
        return None
    if any((ord(one) < 32 and one not in "\r\n\t\f") or 0x7F <= ord(one) < 0xA0 for one in text):
        return None
    start = text.lstrip("\ufeff \r\n\t")[:100].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "HTML, not audio"
    if start.startswith("#extm3u"):
        return "a playlist, not audio"
    return "JSON, not audio" if len(head) <= READ_BYTES and _is_json(text) else "text, not audio"


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text.lstrip("\ufeff")), dict | list)
    except (ValueError, RecursionError):
        return False
