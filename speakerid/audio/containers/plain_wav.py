"""WAV files with nothing in them that could surprise a decoder: the only ones that are read in this process."""

from __future__ import annotations

import struct

from speakerid.audio.byte_source import ByteSource

HEAD_BYTES = 16_384  # before the samples, and again behind them: FFmpeg reads on
MAX_CHUNKS = 32
_LINEAR = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, mu-law, extensible
_FMT_BYTES = range(16, 65)
_HARMLESS = (b"fact", b"LIST", b"JUNK", b"junk", b"PEAK", b"bext", b"FLLR", b"PAD ", b"cue ", b"smpl", b"afsp")


def is_plain_wav(data: ByteSource) -> bool:
    """Looks at no more than 32 KB. Every other file, damaged or merely unusual, is another process's."""
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
    """`at`: where the samples end, or should have ended."""
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
    """Its name and size; no name where `data` ends before its first two bytes."""
    return struct.unpack_from("<4sI", data, at) if at + 10 <= len(data) else (b"", 0)
