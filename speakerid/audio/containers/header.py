"""What a recording promises: how long it is, and whether it is whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import inf

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers import mp4
from speakerid.audio.containers.ends import VOC, announced_end, flv_number
from speakerid.audio.containers.joined import last_page
from speakerid.audio.containers.mpeg import find_mp3, mp3_seconds
from speakerid.audio.containers.wav import WavForm
from speakerid.audio.limits import DecodeLimits, check_rate
from speakerid.errors import NoSamples, TruncatedAudio

EXACT_S = 0.05  # WAV and FLAC count samples; some writers are wrong by a few
LOSSY_S = 0.3  # encoder delay and padding: AAC at 8 kHz has 2,112 samples, 0.26 s
CUT_BYTES = 256  # that a compressed WAV file may lack, and others with one stretch of audio: players never notice
# Advanced Systems Format, section 3.2: the header, and the object with the size of the file, its flags 48 bytes behind.
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD_BYTES = 65_536
_ASF_BROADCAST = 1
_FLV_AUDIO = 4  # and no pictures, which may be longer


@dataclass(frozen=True)
class ContainerHeader:
    """The declared length.

    `seconds`: None when the file does not declare it. Missing more than `tolerance_s` of it means it was cut.
    """

    seconds: float | None = None
    tolerance_s: float = LOSSY_S

    def missing_s(self, found_s: float) -> float:
        """0.0 where what was found is about what was promised."""
        missing_s = 0.0 if self.seconds is None else self.seconds - found_s
        return missing_s if missing_s > self.tolerance_s else 0.0

    def most_missing_s(self, found_s: float) -> float:
        """What can have been lost beside what was found; no bound where that alone is longer than was promised."""
        missing_s = inf if self.seconds is None else self.seconds - found_s
        return max(missing_s, LOSSY_S) if missing_s >= 0.0 else inf


def wav_header(form: WavForm, limits: DecodeLimits) -> ContainerHeader:
    """Raises TooManyChannels, AudioTooLong, UnsupportedAudio (its rate), NoSamples, TruncatedAudio (compressed)."""
    if form.size == 0:
        raise NoSamples
    if form.linear is None:
        if form.missing > CUT_BYTES:
            raise TruncatedAudio
        return ContainerHeader()
    channels, rate_hz, bytes_per_s = form.linear
    limits.check_channels(channels)
    check_rate(rate_hz)
    found_s = form.size / max(bytes_per_s, 1)
    limits.check_length(found_s, found_s * rate_hz * channels)
    return ContainerHeader((form.size + form.missing) / max(bytes_per_s, 1), EXACT_S)


def read_header(data: ByteSource, container: str, exact_s: float | None) -> ContainerHeader:
    """Of a file that FFmpeg has opened as `container`; `exact_s`: what that says of its length, where it is sure.

    Raises TruncatedAudio, NoSamples.
    """
    if container == "flac":
        return ContainerHeader(exact_s, EXACT_S)
    if container == "mp3":
        at = find_mp3(data)
        return ContainerHeader(None if at is None else mp3_seconds(data, at))
    check_whole(data)
    if container == "flv" and data[4] == _FLV_AUDIO and not announced_end(data):
        exact_s = flv_number(data, b"duration") or None
    return ContainerHeader(exact_s)


def check_whole(data: ByteSource) -> None:
    """Check what bytes alone show, also of a file that cannot be opened. Raises TruncatedAudio, NoSamples."""
    if data[4:8] == b"ftyp" and not mp4.has_media(data):
        raise NoSamples
    if data[4:8] == b"ftyp" and not mp4.is_whole(data):
        raise TruncatedAudio
    if data[:4] == b"OggS" and not last_page(data).is_whole:
        raise TruncatedAudio
    if data[:4] == b"fLaC" and _flac_audio_start(data, 4) > len(data):
        raise TruncatedAudio
    if data[:16] == ASF and _asf_bytes(data[:_ASF_HEAD_BYTES]) > len(data):
        raise TruncatedAudio
    lacking = announced_end(data) - len(data)
    if lacking > (0 if data[:20] == VOC else CUT_BYTES):  # further blocks of VOC were to follow
        raise TruncatedAudio


def _flac_audio_start(data: ByteSource, at: int) -> int:
    """The end of the metadata blocks, RFC 9639 section 8.1: a last-block bit, 7 bits of type, 24 of length."""
    last = False
    while not last and at + 4 <= len(data):
        last = bool(data[at] & 0x80)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def _asf_bytes(head: bytes) -> int:
    """The announced size of a file, 0 of a broadcast."""
    at = head.find(_ASF_FILE)
    if at < 0 or at + 92 > len(head):
        return 0
    size, flags = struct.unpack_from("<Q", head, at + 40)[0], struct.unpack_from("<I", head, at + 88)[0]
    return 0 if flags & _ASF_BROADCAST else int(size)
