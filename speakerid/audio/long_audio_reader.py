"""Recordings of any length: read from their bytes, a few seconds in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.conditioning import HighPass
from speakerid.audio.decode import OnLost, read_announced, stream, unasked
from speakerid.audio.file_decoder import Announced
from speakerid.audio.limits import RECORDING, SAMPLE_RATE_HZ, Channel, DecodeLimits, check_not_cancelled
from speakerid.audio.segmentation import Segmentation, Segmenter, VadAlone
from speakerid.audio.vad import SegmentOptions, SileroVad, VadOptions
from speakerid.types import FloatArray

# Distant speakers in a room are missed at Silero's own 0.5, and no enrollment uses what is found here.
SEGMENTS = SegmentOptions(threshold=0.3, end_threshold=0.2)

PIECE = 10 * SAMPLE_RATE_HZ  # samples of what is in memory anyway
Progress = Callable[[float], None]  # seconds of audio decoded since the last call


class AudioPieces(Protocol):
    def pieces(self, as_it_came: Callable[[FloatArray], None], lost: OnLost = unasked) -> Iterator[FloatArray]:
        """A recording in pieces without DC and rumble; `as_it_came` gets each piece with them. Raises AudioError."""


@dataclass(frozen=True)
class LongAudio:
    """One channel of a recording, to be read in pieces."""

    data: ByteSource
    limits: DecodeLimits
    channel: Channel
    progress: Progress

    def pieces(self, as_it_came: Callable[[FloatArray], None], lost: OnLost = unasked) -> Iterator[FloatArray]:
        filtered = HighPass()
        for piece in stream(self.data, limits=self.limits, channel=self.channel, lost=lost):
            as_it_came(piece)
            yield filtered(piece)
            self.progress(len(piece) / SAMPLE_RATE_HZ)


@dataclass(frozen=True, eq=False)
class DecodedAudio:
    """The same of a short one that was decoded for others as well: `samples (n,)` at 16 kHz."""

    samples: FloatArray
    lost_s: float = 0.0

    def pieces(self, as_it_came: Callable[[FloatArray], None], lost: OnLost = unasked) -> Iterator[FloatArray]:
        """Raises ClientGone."""
        filtered = HighPass()
        if self.lost_s:
            lost(self.lost_s)
        for start in range(0, len(self.samples), PIECE):
            check_not_cancelled()
            as_it_came(self.samples[start : start + PIECE])
            yield filtered(self.samples[start : start + PIECE])


class LongAudioReader:
    """Opens recordings, with the models they need. Loads its models on first use; safe to share between threads."""

    def __init__(self, limits: DecodeLimits = RECORDING, segmentation: Path | None = None) -> None:
        """`segmentation`: the graph of the segmentation model; without it, VAD alone has to do."""
        self.limits = limits
        self._segmentation = segmentation

    def open(self, data: ByteSource, channel: Channel, progress: Progress) -> LongAudio:
        return LongAudio(data, self.limits, channel, progress)

    def announced(self, data: ByteSource) -> Announced:
        """Raises AudioError."""
        return read_announced(data, limits=self.limits)

    @cached_property
    def vad(self) -> SileroVad:
        return SileroVad(VadOptions(SEGMENTS))

    @cached_property
    def segmenter(self) -> Segmenter:
        return VadAlone(self.vad, SEGMENTS) if self._segmentation is None else Segmentation.load(self._segmentation)
