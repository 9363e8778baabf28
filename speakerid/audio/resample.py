"""Blocks at any rate in, 16 kHz out, piece by piece: memory is bounded by the result, not the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits, check_channel, check_rate
from speakerid.errors import MalformedAudio
from speakerid.types import FloatArray

PIECE_FRAMES = 65_536  # resampled at once; codec frames alone (20 ms) would cost more in calls than in arithmetic
MAX_CHANGES = 64  # of rate within one file: chained radio streams have a few, damaged files thousands
CANCELED = 0.04  # 14 dB below what the mean would keep of the loudest channel if all others were silent


class Collector:
    """Takes blocks, keeps the wanted channel, resamples and counts against the limits."""

    def __init__(self, limits: DecodeLimits, channel: Channel) -> None:
        self._limits = limits
        self._channel = channel
        self._waiting: list[FloatArray] = []
        self._waiting_frames = 0
        self._done: list[FloatArray] = []
        self._done_samples = 0
        self._resampler: soxr.ResampleStream | None = None
        self._format: tuple[int, int] | None = None  # rate_hz, channels of the source
        self._rate_hz = 0
        self._changes = 0
        self.seconds = 0.0
        self.samples = 0  # frames x channels at the source's rate

    def add(self, frames: FloatArray, rate_hz: int) -> None:
        """Add `frames` (n, channels). Raises TooManyChannels, NoSuchChannel, AudioTooLong, UnsupportedAudio."""
        if (rate_hz, frames.shape[1]) != self._format:
            self._check_format(rate_hz, frames.shape[1])
        self.seconds += len(frames) / rate_hz
        self.samples += frames.size
        self._limits.check_length(self.seconds, max(self.samples, self._done_samples))
        kept = _picked(frames, self._channel)
        if self._waiting and self._waiting[0].shape[1] != kept.shape[1]:
            self._resample(last=False)
        if rate_hz != self._rate_hz:
            self._change(rate_hz)
        self._waiting.append(kept)
        self._waiting_frames += len(kept)
        if self._waiting_frames >= PIECE_FRAMES:
            self._resample(last=False)

    def _check_format(self, rate_hz: int, channels: int) -> None:
        """Check a format, once a stream and again where it changes. Raises TooManyChannels, UnsupportedAudio."""
        self._limits.check_channels(channels)
        check_rate(rate_hz)
        self._format = (rate_hz, channels)

    def drain(self) -> list[FloatArray]:
        """What is at 16 kHz by now, each piece once: (n,) each."""
        done, self._done = self._done, []
        return done

    def finish(self) -> list[FloatArray]:
        """The rest."""
        self._resample(last=True)
        return self.drain()

    def _change(self, rate_hz: int) -> None:
        self._resample(last=True)
        self._changes += 1
        if self._changes > MAX_CHANGES:
            raise MalformedAudio("The audio changes its rate or channels while it runs. Export it again.")
        self._rate_hz = rate_hz
        same = rate_hz == SAMPLE_RATE_HZ
        self._resampler = None if same else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def _resample(self, last: bool) -> None:
        if not self._waiting and self._resampler is None:
            return
        piece = np.concatenate(self._waiting) if self._waiting else np.zeros((0, 1), np.float32)
        self._waiting, self._waiting_frames = [], 0
        if self._channel == "mix":
            piece = mixed(piece)
        out = piece if self._resampler is None else self._resampler.resample_chunk(piece, last=last)
        self._done_samples += out.size
        self._done.append(out[:, 0])


def _picked(frames: FloatArray, channel: Channel) -> FloatArray:
    """(n, channels) -> (n, 1) for one channel, all for "mix". Raises NoSuchChannel."""
    if channel == "mix":
        return frames
    check_channel(channel, frames.shape[1])
    return np.ascontiguousarray(frames[:, channel : channel + 1])


def mean(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1)."""
    return frames if frames.shape[1] == 1 else frames.mean(axis=1, keepdims=True, dtype=np.float32)


def mixed(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1): their mean, or the loudest where they cancel each other.

    A stereo recording whose right channel is the left one inverted has silence for its mean.
    """
    if frames.shape[1] == 1 or not len(frames):
        return mean(frames)
    both, powers = mean(frames), frames.var(axis=0)  # variances, because offsets do not cancel
    if both.var() >= CANCELED * powers.max() / frames.shape[1] ** 2:
        return both
    loudest = int(powers.argmax())
    return np.ascontiguousarray(frames[:, loudest : loudest + 1])


def rechunked(pieces: Iterable[FloatArray], size: int) -> Iterator[FloatArray]:
    """The same samples, `size` at a time; the last piece may be shorter, none is empty."""
    waiting: list[FloatArray] = []
    have = 0
    for piece in pieces:
        waiting.append(piece)
        have += len(piece)
        if have < size:
            continue
        whole = np.concatenate(waiting)
        cut = have // size * size
        yield from whole[:cut].reshape(-1, size)
        waiting, have = [whole[cut:]], have - cut
    if have:
        yield np.concatenate(waiting)
