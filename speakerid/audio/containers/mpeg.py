"""MPEG audio frame headers (MP3): enough to recognise a stream and to read its announced length.

ISO/IEC 11172-3 section 2.4.1.3 and 13818-3. The "Xing" or "Info" frame is what LAME and FFmpeg write first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource

SCAN_BYTES = 65_536  # padding or junk some recorders leave before the first frame
FRAMES_IN_A_ROW = 3  # random bytes pass one header check in 2,000 places, three in none

_BITRATES_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True)
class Mp3Frame:
    bytes: int
    rate_hz: int
    samples: int  # per channel
    side_info_bytes: int


def mp3_frame(data: ByteSource, at: int) -> Mp3Frame | None:
    """The layer III frame whose header starts at `at`, or None when there is none (free format included)."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate, padding = (
        data[at + 1] >> 3 & 3,
        data[at + 2] >> 4,
        data[at + 2] >> 2 & 3,
        data[at + 2] >> 1 & 1,
    )
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    mpeg1, mono = version == 3, data[at + 3] >> 6 == 3
    rate_hz = _RATES_HZ[version][rate]
    size = (144 if mpeg1 else 72) * _BITRATES_KBPS[1 if mpeg1 else 2][bitrate] * 1000 // rate_hz + padding
    return Mp3Frame(size, rate_hz, 1152 if mpeg1 else 576, (17 if mono else 32) if mpeg1 else (9 if mono else 17))


def find_mp3(data: ByteSource, start: int = 0) -> int | None:
    """Where the first of three consecutive MP3 frames starts (fewer if the data ends there), or None."""
    at = data.find(b"\xff", start, start + SCAN_BYTES)
    while at >= 0:
        if _in_a_row(data, at):
            return at
        at = data.find(b"\xff", at + 1, start + SCAN_BYTES)
    return None


def mp3_seconds(data: ByteSource, start: int) -> float | None:
    """The length announced by the Xing or Info frame at `start`; None without one, never a guess."""
    frame = mp3_frame(data, start)
    if frame is None:
        return None
    tag = start + 4 + frame.side_info_bytes
    if data[tag : tag + 4] not in (b"Xing", b"Info") or len(data) < tag + 12:
        return None
    flags, count = struct.unpack(">II", data[tag + 4 : tag + 12])
    return count * frame.samples / frame.rate_hz if flags & 1 and count else None


def _in_a_row(data: ByteSource, at: int) -> bool:
    for nth in range(FRAMES_IN_A_ROW):
        frame = mp3_frame(data, at)
        if frame is None:
            return nth > 0 and at == len(data)  # a file of one or two frames
        at += frame.bytes
    return True
