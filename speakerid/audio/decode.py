"""From encoded bytes, or samples at any rate, to 16 kHz mono float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.children import remote
from speakerid.audio.children.pool import AVAILABLE, Use
from speakerid.audio.containers.wav import is_plain_wav
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits
from speakerid.audio.reader import Announced, announced_here, checked, decode_here
from speakerid.audio.resample import PIECE_FRAMES, Collector
from speakerid.errors import EmptyAudio, NoSamples, UnsupportedAudio
from speakerid.types import FloatArray

Samples = tuple[NDArray[Any], int]  # (n,) or (channels, n), and the rate in Hz


def decode(data: ByteSource, *, limits: DecodeLimits | None = None, channel: Channel = "mix") -> FloatArray:
    """(n,) float32 at 16 kHz, n > 0, finite, at the file's own level. Raises AudioError: a leaf a reason."""
    return _whole(_pieces(data, limits or DecodeLimits(), channel, "file"))


def stream(data: ByteSource, *, limits: DecodeLimits, channel: Channel = "mix") -> Iterator[FloatArray]:
    """What `decode` gives, in pieces (n,) of some seconds: memory does not grow with the recording.

    Raises AudioError; what is wrong with the end of a file is raised after its last piece.
    """
    return _pieces(data, limits, channel, "stream")


def read_announced(data: ByteSource, *, limits: DecodeLimits) -> Announced:
    """Channels and length as the file announces them, before decoding. Raises AudioError."""
    if not data:
        raise EmptyAudio
    return announced_here(data, limits) if _stays_here(data) else remote.announced(data, limits)


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
    return _whole(checked(piece) for piece in collector.finish())


def _pieces(data: ByteSource, limits: DecodeLimits, channel: Channel, use: Use) -> Iterator[FloatArray]:
    """(n,) each."""
    if not data:
        raise EmptyAudio
    if _stays_here(data):
        return decode_here(data, limits, channel)
    return remote.pieces(data, limits, channel, use)


def _stays_here(data: ByteSource) -> bool:
    """Whether to decode in this process: all but plain WAV is read in another, where the system has that."""
    return is_plain_wav(data) or not AVAILABLE


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
    """Samples as float32 with full scale 1.0."""
    kind = frames.dtype
    if kind == np.uint8:
        return (frames.astype(np.float32) - 128.0) / 128.0
    if kind in (np.int8, np.int16, np.int32):
        return frames.astype(np.float32) / np.float32(np.iinfo(kind).max + 1)
    if kind in (np.float16, np.float32, np.float64):
        with np.errstate(over="ignore"):  # becomes infinite, which the caller refuses
            return frames.astype(np.float32)
    raise UnsupportedAudio(f"Samples of type {kind} have no known full scale. Pass float32, int16 or int32.")


def as_wav(samples: Samples, limits: DecodeLimits | None = None, channel: Channel = "mix") -> bytes:
    """`(samples, rate in Hz)` as a mono float32 WAV at 16 kHz. Raises AudioError."""
    file, mono = BytesIO(), from_samples(*samples, limits=limits, channel=channel)
    soundfile.write(file, mono, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return file.getvalue()
