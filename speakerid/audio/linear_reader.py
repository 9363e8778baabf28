"""Linear samples of a WAV file, read by numpy alone: no parser but the one that found them, no codec, 40 us for 3 s.

What FFmpeg would read otherwise, or may see a codec in, is left to it: `linear_reader` gives None.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import TracebackType

import numpy as np

from speakerid.audio.byte_source import ByteSource, as_file
from speakerid.audio.conditioning import checked
from speakerid.audio.containers.wav import WavForm
from speakerid.audio.reader import DecodedBlock
from speakerid.types import FloatArray

BLOCK_FRAMES = 65_536
SPDIF_SYNC = b"\x72\xf8\x1f\x4e"  # IEC 61937: a burst of a codec in 16-bit stereo
SPDIF_BYTES = 65_536  # FFmpeg looks for it in fewer
_PCM, _ALAW, _ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")  # behind the tag, in every sub-format of the registered kind
Convert = Callable[[bytes], FloatArray]  # whole samples to (n,), full scale 1.0


@dataclass(frozen=True)
class LinearReader:
    """What `AudioReader` is to other files: iterate for its blocks."""

    channels: int
    rate_hz: int
    declared_s: float
    bad_packets: int  # 1 where there is less than a frame
    _data: ByteSource
    _stretches: tuple[tuple[int, int], ...]
    _frame_bytes: int
    _convert: Convert
    container: str = "wav"
    exact_s: float | None = None  # its header says it
    tracks: tuple[int, ...] = (0,)
    lost_s: float = 0.0
    lost_last_s: float = 0.0

    def __enter__(self) -> LinearReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing is open."""

    def __iter__(self) -> Iterator[DecodedBlock]:
        """Raises InvalidSamples for NaN or infinite samples."""
        file, rest = as_file(self._data), b""  # of a frame that lies in two stretches
        for start, end in self._stretches:
            file.seek(start)
            for at in range(start, end, BLOCK_FRAMES * self._frame_bytes):
                piece = rest + file.read(min(BLOCK_FRAMES * self._frame_bytes, end - at))
                whole = len(piece) // self._frame_bytes * self._frame_bytes
                rest = piece[whole:]
                if whole:
                    frames = self._convert(piece[:whole]).reshape(-1, self.channels)
                    yield DecodedBlock(checked(frames), self.rate_hz)


def linear_reader(data: ByteSource, form: WavForm) -> LinearReader | None:
    """Of the recording `form` in `data`."""
    if form.linear is None or form.order == ">":
        return None
    channels, rate_hz, bytes_per_s = form.linear
    convert, frame_bytes = _conversion(form.fmt), bytes_per_s // max(rate_hz, 1)
    if convert is None or not channels or not rate_hz or _may_be_encoded(data, form, channels):
        return None
    seconds, bad = (form.size + form.missing) / bytes_per_s, int(form.size < frame_bytes)
    return LinearReader(channels, rate_hz, seconds, bad, data, form.samples, frame_bytes, convert)


def _may_be_encoded(data: ByteSource, form: WavForm, channels: int) -> bool:
    start = form.samples[0][0] if form.samples else 0
    return channels == 2 and SPDIF_SYNC in data[start : start + SPDIF_BYTES]


def _conversion(fmt: bytes) -> Convert | None:
    """Of a format whose frames are its samples, one after another; None of any other."""
    tag, channels, _, _, align, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == _EXTENSIBLE:
        valid, _, tag, registered = struct.unpack("<HIH14s", fmt[18:40])
        if registered != _SUBFORMAT or (tag != _PCM and valid not in (0, bits)):
            return None
    return _CONVERSIONS.get((tag, bits)) if align * 8 == channels * bits else None


def _integers(dtype: str) -> Convert:
    scale = np.float32(2.0 ** (1 - 8 * np.dtype(dtype).itemsize))  # a power of two, so that nothing is rounded twice
    return lambda raw: np.multiply(np.frombuffer(raw, dtype), scale, dtype=np.float32)


def _bytes(raw: bytes) -> FloatArray:
    return (np.frombuffer(raw, np.uint8).astype(np.float32) - np.float32(128.0)) / np.float32(128.0)


def _three_bytes(raw: bytes) -> FloatArray:
    wide = np.zeros((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    samples: FloatArray = np.multiply(wide.view("<i4")[:, 0], np.float32(2.0**-31), dtype=np.float32)
    return samples


def _floats(dtype: str) -> Convert:
    def convert(raw: bytes) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite samples are refused next
            found: FloatArray = np.frombuffer(raw, dtype).astype(np.float32)
        return found

    return convert


@cache
def _telephone(tag: int) -> FloatArray:
    """(256,): what each byte of A-law or mu-law means, ITU-T G.711."""
    code = np.arange(256) ^ (0x55 if tag == _ALAW else 0xFF)
    exponent, mantissa = code >> 4 & 7, code & 15
    if tag == _ALAW:
        size = np.where(exponent > 0, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1) << 3
    else:
        size = (((2 * mantissa + 33) << exponent) - 33) << 2
    positive = code & 0x80 if tag == _ALAW else ~code & 0x80
    return (np.where(positive, size, -size) / 32_768.0).astype(np.float32)


_CONVERSIONS: dict[tuple[int, int], Convert] = {
    (_PCM, 8): _bytes,
    (_PCM, 16): _integers("<i2"),
    (_PCM, 24): _three_bytes,
    (_PCM, 32): _integers("<i4"),
    (3, 32): _floats("<f4"),
    (3, 64): _floats("<f8"),
    (_ALAW, 8): lambda raw: _telephone(_ALAW)[np.frombuffer(raw, np.uint8)],
    (_ULAW, 8): lambda raw: _telephone(_ULAW)[np.frombuffer(raw, np.uint8)],
}
