"""WAV headers (Microsoft RIFF/WAVE, EBU Tech 3306): FFmpeg reads the samples, this what they promise."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource

PLACEHOLDER_BYTES = 0x7FFF_0000  # streaming writers put 0, 0x7FFFxxxx, 0x80000000 or 0xFFFFFFFF: length not known
_LINEAR = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, mu-law, extensible: every frame has `block_align` bytes


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
