"""What the bytes are, by their content alone: names and Content-Type headers are never trusted.

FFmpeg is given which demuxer and decoders to use, so a playlist, an image or a script never reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers.mpeg import find_adts, find_mp3
from speakerid.errors import NoSamples, UnsupportedAudio

Container = Literal["WAV", "FLAC", "MP3", "AAC", "Ogg", "WebM", "M4A"]


@dataclass(frozen=True)
class ContainerFormat:
    """A container this package reads. `start`: byte where the audio begins, after an ID3 tag or padding."""

    container: Container
    demuxer: str  # FFmpeg's name
    decoders: tuple[str, ...]  # FFmpeg's names; any other codec is refused
    start: int = 0


_PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")
_MP3 = ("mp3float", "mp3")
_AAC = ("aac", "alac")
_OGG = ("opus", "libopus", "vorbis", "flac")
WEBM_DECODERS = (*_OGG, *_MP3, *_AAC)
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_OTHERS = (  # what people send by mistake, so that the answer can name it
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"#EXTM3U", "a playlist"),
    (b"#!AMR", "AMR audio"),
    (b"FORM", "AIFF audio"),
    (b"caff", "CAF audio"),
    (b"\x30\x26\xb2\x75", "Windows Media audio"),
    (b"RIFF", "a RIFF file without WAVE in it"),
)


def sniff(data: ByteSource) -> ContainerFormat:
    """The format of `data`. Raises UnsupportedAudio, naming what was found, or NoSamples for a lone ID3 tag."""
    found = _by_magic(data) or _by_frames(data)
    if found is None:
        raise UnsupportedAudio(f"This is {_describe(data)}. Send WAV, FLAC, MP3, Ogg, WebM or M4A audio.")
    return found


def _by_magic(data: ByteSource) -> ContainerFormat | None:
    if data[:4] in (b"RIFF", b"RF64", b"BW64") and data[8:12] == b"WAVE":
        return ContainerFormat("WAV", "wav", _PCM)
    if data[:4] == b"OggS":
        return ContainerFormat("Ogg", "ogg", _OGG)
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return ContainerFormat("WebM", "matroska", WEBM_DECODERS)
    if data[4:8] == b"ftyp" and data[8:12] not in _IMAGE_BRANDS:
        return ContainerFormat("M4A", "mov", (*_AAC, *_MP3, "opus", "libopus", "flac"))
    return None


def _by_frames(data: ByteSource) -> ContainerFormat | None:
    """The format of FLAC, MP3 and AAC, which may all follow an ID3 tag."""
    start = _after_id3(data)
    if start >= len(data):
        raise NoSamples
    if data[start : start + 4] == b"fLaC":
        return ContainerFormat("FLAC", "flac", ("flac",), start)
    if (at := find_mp3(data, start)) is not None:
        return ContainerFormat("MP3", "mp3", _MP3, at)
    if (at := find_adts(data, start)) is not None:
        return ContainerFormat("AAC", "aac", ("aac",), at)
    return None


def _after_id3(data: ByteSource) -> int:
    """Length of a leading ID3v2 tag (four 7-bit bytes, ID3v2.4 section 3.1), 0 without one."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _describe(data: ByteSource) -> str:
    for magic, name in _OTHERS:
        if data[: len(magic)] == magic:
            return f"{name}, not audio that can be read here"
    return _describe_text(data) or f"not audio in any known format (it starts with {data[:4].hex(' ')})"


def _describe_text(data: ByteSource) -> str | None:
    try:
        text = data[:1024].decode("utf-8", errors="strict" if len(data) <= 1024 else "ignore").lstrip("\ufeff \r\n\t")
    except UnicodeDecodeError:
        return None
    if not text.isprintable() and any(ord(c) < 32 and c not in "\r\n\t" for c in text):
        return None
    return {"{": "JSON text", "[": "JSON text", "<": "HTML or XML text"}.get(text[:1], "text") + ", not audio"
