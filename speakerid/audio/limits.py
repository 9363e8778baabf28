"""Bounds of decoding: on decoded audio, because a small file can hold hours, and by whether its caller still waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from speakerid.errors import (
    AudioTooLong,
    ClientGone,
    MalformedAudio,
    NoSuchChannel,
    TooManyChannels,
    UnsupportedAudio,
)

SAMPLE_RATE_HZ = 16_000  # every waveform inside speakerid
MIN_RATE_HZ = 4_000  # below this no speech is left
MAX_RATE_HZ = 768_000  # the highest rate audio interfaces offer; also bounds the resampler's filter
CODEC_PADDING_S = 0.25  # lossy codecs add up to two frames (AAC at 16 kHz: 2 x 64 ms), not the caller's fault
MAX_RECORDINGS = 10_000  # of one file: each is opened by itself, which takes 0.1 ms and more
Channel = Literal["mix"] | int  # the mean of all channels, or one of them, counted from 0
_GONE: ContextVar[threading.Event | None] = ContextVar("client_gone", default=None)


@dataclass(frozen=True)
class DecodeLimits:
    """Bounds on one decoded file, checked on what it declares and again on what it turns out to hold."""

    max_seconds: float = 600.0
    max_channels: int = 32
    max_samples: int = 600 * 48_000 * 4  # frames x channels at the file's own rate: 600 s of 192 kHz mono

    def check_channels(self, channels: int) -> None:
        """Raises TooManyChannels."""
        if channels > self.max_channels:
            raise TooManyChannels(channels, self.max_channels)

    def check_length(self, seconds: float, samples: float = 0) -> None:
        """Check a length; `samples` is frames x channels. Raises AudioTooLong."""
        if seconds > self.max_seconds + CODEC_PADDING_S:
            raise AudioTooLong(f"{self.max_seconds:g} seconds")
        if samples > self.max_samples:
            raise AudioTooLong(f"{self.max_samples} samples over all channels")


RECORDING = DecodeLimits(max_seconds=12 * 3600.0, max_samples=12 * 3600 * 48_000 * 2)  # read in pieces, never whole


def check_rate(rate_hz: int) -> None:
    """Raises UnsupportedAudio outside 4 to 768 kHz."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise UnsupportedAudio(
            f"The audio has a sample rate of {rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are accepted. "
            "Resample it first."
        )


def check_recordings(count: int) -> None:
    """Check how many recordings a joined file has so far. Raises MalformedAudio, ClientGone."""
    check_not_cancelled()
    if count > MAX_RECORDINGS:
        raise MalformedAudio(
            f"The file holds more than {MAX_RECORDINGS} recordings one after another. Join their samples under one "
            "header, or send it in parts."
        )


def check_channel(channel: Channel, channels: int) -> None:
    """Raises NoSuchChannel unless `channel` is "mix" or one of 0 to `channels` - 1."""
    if channel != "mix" and not 0 <= channel < channels:
        raise NoSuchChannel(channel, channels)


@contextmanager
def cancelled_by(gone: threading.Event) -> Iterator[None]:
    """End decoding inside the block, or in threads that have its context, with ClientGone once `gone` is set."""
    token = _GONE.set(gone)
    try:
        yield
    finally:
        _GONE.reset(token)


def check_not_cancelled() -> None:
    """Raises ClientGone."""
    gone = _GONE.get()
    if gone is not None and gone.is_set():
        raise ClientGone
