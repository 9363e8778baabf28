"""From encoded bytes, or samples at any rate, to 16 kHz mono float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.declared import Declared, read_declared
from speakerid.audio.encoded import Encoded
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.audio.reader import AudioReader, checked
from speakerid.audio.resample import PIECE_FRAMES, Collector
from speakerid.audio.sniff import Format, sniff
from speakerid.errors import EmptyAudio, MalformedAudio, NoSamples, UnsupportedAudio
from speakerid.types import FloatArray

Samples = tuple[NDArray[Any], int]  # (n,) or (channels, n), and the rate in Hz


def decode(data: Encoded, *, limits: DecodeLimits | None = None, channel: Channel = "mix") -> FloatArray:
    """(n,) float32 at 16 kHz, n > 0, finite, at the file's own level. Raises AudioError: a leaf a reason."""
    return _whole(_pieces(data, limits or DecodeLimits(), channel))[:, 0]


def decode_channels(data: Encoded, *, limits: DecodeLimits | None = None) -> FloatArray:
    """(channels, n) float32 at 16 kHz: every channel by itself, for recordings with one speaker a channel."""
    return _whole(_pieces(data, limits or DecodeLimits(), None)).T


def stream(data: Encoded, *, limits: DecodeLimits, channel: Channel = "mix") -> Iterator[FloatArray]:
    """What `decode` gives, in pieces (n,) of some seconds: memory does not grow with the recording.

    Raises AudioError; what is wrong with the end of a file is raised after its last piece.
    """
    for piece in _pieces(data, limits, channel):
        yield piece[:, 0]


@dataclass(frozen=True)
class Announced:
    channels: int
    seconds: float | None


def read_announced(data: Encoded, *, limits: DecodeLimits) -> Announced:
    """Before anything is decoded. Raises AudioError."""
    if not data:
        raise EmptyAudio
    with AudioReader(data, sniff(data)) as reader:
        limits.check_channels(reader.channels)
        limits.check_length(reader.declared_s or 0.0)
        return Announced(reader.channels, reader.declared_s)


def from_samples(
    samples: NDArray[Any], rate_hz: int, *, limits: DecodeLimits | None = None, channel: Channel = "mix"
) -> FloatArray:
    """(n,) float32 at 16 kHz from (n,) or (channels, n) samples at any rate.

    Floats have full scale 1.0; integers are uint8, int8, int16 or int32. Raises what `decode` raises, and
    UnsupportedAudio for other types and shapes.
    """
    limits = limits or DecodeLimits()
    frames = _as_frames(np.asarray(samples))
    limits.check_channels(frames.shape[1])
    limits.check_length(0.0, frames.size)
    collector = Collector(limits, channel)
    for start in range(0, len(frames), PIECE_FRAMES):
        collector.add(checked(_scaled(frames[start : start + PIECE_FRAMES])), int(rate_hz))
    return _whole(checked(piece) for piece in collector.finish())[:, 0]


def _pieces(data: Encoded, limits: DecodeLimits, channel: Channel | None) -> Iterator[FloatArray]:
    """(n, kept channels) each."""
    if not data:
        raise EmptyAudio
    fmt = sniff(data)
    declared = read_declared(data, fmt, limits)
    collector = Collector(limits, channel)
    with AudioReader(data, fmt) as reader:
        declared = _with_container_length(declared, reader, fmt)
        limits.check_channels(reader.channels)
        limits.check_length(declared.seconds or 0.0)
        for block in reader:
            collector.add(block.frames, block.rate_hz)
            yield from map(checked, collector.drain())
    if reader.packets == 0 or (collector.samples == 0 and not reader.bad_packets):
        raise NoSamples
    declared.check_found(collector.seconds)
    if collector.samples == 0:
        raise MalformedAudio("The file holds no audio that can be decoded. Export it again.")
    yield from map(checked, collector.finish())


def _with_container_length(declared: Declared, reader: AudioReader, fmt: Format) -> Declared:
    """Only FFmpeg reads the length in a WebM header; `read_declared` knows the others better."""
    return Declared(reader.declared_s) if fmt.container == "WebM" else declared


def _whole(pieces: Iterable[FloatArray]) -> FloatArray:
    samples = [piece for piece in pieces if len(piece)]
    if not samples:
        raise NoSamples
    return np.concatenate(samples)


def _as_frames(samples: NDArray[Any]) -> NDArray[Any]:
    """(n, channels), a view."""
    if samples.size == 0:
        raise NoSamples
    if samples.ndim not in (1, 2):
        raise UnsupportedAudio(f"Samples have the shape (n,) or (channels, n), not {samples.shape}.")
    return samples.reshape(-1, 1) if samples.ndim == 1 else samples.T


def _scaled(frames: NDArray[Any]) -> FloatArray:
    """float32 with full scale 1.0."""
    kind = frames.dtype
    if kind == np.uint8:
        return (frames.astype(np.float32) - 128.0) / 128.0
    if kind in (np.int8, np.int16, np.int32):
        return frames.astype(np.float32) / np.float32(np.iinfo(kind).max + 1)
    if kind in (np.float16, np.float32, np.float64):
        with np.errstate(over="ignore"):  # becomes infinite, which the caller refuses
            return frames.astype(np.float32)
    raise UnsupportedAudio(f"Samples of type {kind} have no known full scale. Pass float32, int16 or int32.")
