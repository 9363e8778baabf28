"""What a file promises before it is decoded: its length, and whether it is whole."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers.mpeg import mp3_seconds
from speakerid.audio.containers.sniff import ContainerFormat
from speakerid.audio.containers.wav import read_wav_header
from speakerid.audio.limits import DecodeLimits, check_rate
from speakerid.errors import NoSamples, TruncatedAudio

EXACT_S = 0.05  # WAV and FLAC count samples; some writers are wrong by a few
LOSSY_S = 0.3  # encoder delay and padding: AAC at 8 kHz has 2,112 samples, 0.26 s
# M4A boxes: ISO/IEC 14496-12.
_MEDIA = (b"mdat", b"moov", b"moof")  # a recording that lacks the end of one of these was cut


@dataclass(frozen=True)
class ContainerHeader:
    """The declared length.

    `seconds`: None when the file does not declare it. Missing more than `tolerance_s` of it means it was cut.
    """

    seconds: float | None = None
    tolerance_s: float = LOSSY_S

    def check_found(self, found_s: float) -> None:
        """Raises TruncatedAudio when clearly less than promised was found."""
        if self.seconds is not None and found_s < self.seconds - self.tolerance_s:
            raise TruncatedAudio(found_s, self.seconds)


def read_header(data: ByteSource, fmt: ContainerFormat, limits: DecodeLimits) -> ContainerHeader:
    """Raises TooManyChannels, AudioTooLong, UnsupportedAudio (its rate), TruncatedAudio, MalformedAudio."""
    if fmt.container == "WAV":
        return _wav(data, limits)
    if fmt.container == "FLAC":
        return _flac(data, fmt.start, limits)
    if fmt.container == "MP3":
        return ContainerHeader(mp3_seconds(data, fmt.start))
    if fmt.container == "M4A" and not has_media(data):
        raise NoSamples
    if (fmt.container == "M4A" and not is_whole(data)) or (fmt.container == "Ogg" and not _last_page_is_whole(data)):
        raise TruncatedAudio
    return ContainerHeader()


def _wav(data: ByteSource, limits: DecodeLimits) -> ContainerHeader:
    header = read_wav_header(data)
    if header is None:
        return ContainerHeader()
    limits.check_channels(header.channels)
    check_rate(header.rate_hz)
    found = len(data) - header.data_start
    if found <= 0:
        raise NoSamples
    found_s = min(found, header.data_bytes or found) / max(header.bytes_per_s, 1)
    limits.check_length(found_s, found_s * header.rate_hz * header.channels)
    return ContainerHeader(header.seconds, EXACT_S)


def _flac(data: ByteSource, start: int, limits: DecodeLimits) -> ContainerHeader:
    """STREAMINFO's length, RFC 9639 section 8.2: 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of frames."""
    if len(data) < start + 26:
        return ContainerHeader()
    packed = struct.unpack(">Q", data[start + 18 : start + 26])[0]
    rate_hz, channels, frames = packed >> 44, (packed >> 41 & 7) + 1, packed & 0xF_FFFF_FFFF
    if not rate_hz or not frames:
        return ContainerHeader()
    limits.check_length(frames / rate_hz, frames * channels)
    if _flac_audio_start(data, start + 4) > len(data):
        raise TruncatedAudio(0.0, frames / rate_hz)
    return ContainerHeader(frames / rate_hz, EXACT_S)


def _flac_audio_start(data: ByteSource, at: int) -> int:
    """The end of the metadata blocks, RFC 9639 section 8.1: a last-block bit, 7 bits of type, 24 of length."""
    last = False
    while not last and at + 4 <= len(data):
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _last_page_is_whole(data: ByteSource) -> bool:
    """Whether the last Ogg page is whole (RFC 3533 section 6): 27 + n header bytes and the n lacing values' sum."""
    at = data.rfind(b"OggS")
    if len(data) < at + 27:
        return False
    lacing = data[at + 27 : at + 27 + data[at + 26]]
    return len(lacing) == data[at + 26] and at + 27 + len(lacing) + sum(lacing) <= len(data)


def is_whole(data: ByteSource) -> bool:
    """Whether an M4A file is all there: false when a box of samples or tables is announced longer than the data.

    Whatever some programs append behind the last box is none of that.
    """
    return all(start + size <= len(data) for name, start, size in _boxes(data) if name in _MEDIA)


def has_media(data: ByteSource) -> bool:
    """Whether an M4A file has samples: false for a header alone. Samples lie in `mdat` boxes only."""
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
