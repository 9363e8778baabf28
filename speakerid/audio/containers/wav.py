"""WAV files (Microsoft RIFF/WAVE, EBU Tech 3306): what a header declares, and which files are plain enough to trust."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource

PLACEHOLDER_BYTES = 0x7FFF_0000  # streaming writers put 0, 0x7FFFxxxx, 0x80000000 or 0xFFFFFFFF: length not known
_LINEAR = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, mu-law, extensible: every frame has `block_align` bytes
HEAD_BYTES = 16_384  # before the samples, and again behind them: FFmpeg reads on
MAX_CHUNKS = 32
_FMT_BYTES = range(16, 65)
_HARMLESS = (b"fact", b"LIST", b"JUNK", b"junk", b"PEAK", b"bext", b"FLLR", b"PAD ", b"cue ", b"smpl", b"afsp")


@dataclass(frozen=True)
class WavHeader:
    channels: int
    rate_hz: int
    bytes_per_s: int
    data_bytes: int | None  # None: the writer did not know
    data_start: int  # byte where the samples begin; the end of the file when there are none

    @property
    def seconds(self) -> float | None:
        return None if self.data_bytes is None else self.data_bytes / self.bytes_per_s


def read_wav_header(data: ByteSource) -> WavHeader | None:
    """The header of a WAV file, None when it has no usable `fmt ` chunk before its samples."""
    at, fmt = 12, b""
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        if name == b"data":
            return _header(fmt, size, at + 8)
        if name == b"fmt ":
            fmt = data[at + 8 : at + 8 + 16]
        at += 8 + size + size % 2
    return _header(fmt, 0, len(data))


def _header(fmt: bytes, size: int, start: int) -> WavHeader | None:
    if len(fmt) < 16:
        return None
    tag, channels, rate_hz, bytes_per_s, block_align, _ = struct.unpack("<HHIIHH", fmt)
    bytes_per_s = block_align * rate_hz if tag in _LINEAR else bytes_per_s
    known = 0 < size < PLACEHOLDER_BYTES and bytes_per_s > 0
    return WavHeader(channels, rate_hz, bytes_per_s, size if known else None, start)


def is_plain_wav(data: ByteSource) -> bool:
    """Whether a WAV file holds nothing that could surprise a decoder, by 32 KB of it at most.

    Every other file, damaged or merely unusual, is decoded in another process.
    """
    head = data[:HEAD_BYTES]
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return False
    at, linear = 12, False
    for _ in range(MAX_CHUNKS):
        name, size = _chunk(head, at)
        if name == b"data":
            return linear and (size == 0 or _ends_plainly(data, at + 8 + size))
        if name == b"fmt ":
            linear = size in _FMT_BYTES and struct.unpack_from("<H", head, at + 8)[0] in _LINEAR
        elif name not in _HARMLESS:
            return False
        at += 8 + size + size % 2
    return False


def _ends_plainly(data: ByteSource, at: int) -> bool:
    """Whether only harmless chunks follow `at`, where the samples end or should have ended."""
    if len(data) - at > HEAD_BYTES:
        return False
    tail = data[at:]
    at = 0
    for _ in range(MAX_CHUNKS):
        if at + 10 > len(tail):
            return True
        name, size = _chunk(tail, at)
        if name not in _HARMLESS:
            return False
        at += 8 + size + size % 2
    return False


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    """Name and size of a chunk; no name where `data` ends before its first two bytes."""
    return struct.unpack_from("<4sI", data, at) if at + 10 <= len(data) else (b"", 0)
