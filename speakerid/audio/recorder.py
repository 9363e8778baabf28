"""Recordings of any length: read from their bytes as often as needed, a few seconds in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from speakerid.audio.conditioning import HighPass, high_pass
from speakerid.audio.decode import read_announced, stream
from speakerid.audio.encoded import Encoded
from speakerid.audio.in_process import Announced
from speakerid.audio.limits import RECORDING, SAMPLE_RATE_HZ, Channel, DecodeLimits
from speakerid.audio.overlap import SEGMENTS as OVERLAP_SEGMENTS
from speakerid.audio.overlap import OverlapDetector
from speakerid.audio.pieces import read_spans
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.audio.segments import Segment, SegmentOptions
from speakerid.audio.vad import SileroVad, Spoken, VadOptions
from speakerid.types import FloatArray, Span, Speech

# Distant speakers in a room are missed at Silero's own 0.5, and nobody enrolls from what is found here.
SEGMENTS = SegmentOptions(threshold=0.3, end_threshold=0.2)
MEASURED = 120 * SAMPLE_RATE_HZ  # samples, from the first word on, that noise and bandwidth are measured in
# Times a recording is decoded: for its level, its speech, overlap, its windows, its turns, their borders, its voices.
READS = 7

Progress = Callable[[float], None]  # seconds of audio decoded since the last call


@dataclass(frozen=True)
class LongAudio:
    """One side of a recording."""

    data: Encoded
    limits: DecodeLimits
    channel: Channel
    progress: Progress

    def pieces(self) -> Iterator[FloatArray]:
        """Without DC and rumble. Raises AudioError."""
        filtered = HighPass()
        for piece in stream(self.data, limits=self.limits, channel=self.channel):
            yield filtered(piece)
            self.progress(len(piece) / SAMPLE_RATE_HZ)

    def spans(self, spans: Sequence[Span]) -> Iterator[FloatArray]:
        """The samples of each, in order of their starts."""
        return read_spans(self.pieces(), spans)


class Recorder:
    """Loads its models on first use; safe to share between threads."""

    def __init__(
        self,
        limits: DecodeLimits = RECORDING,
        segments: SegmentOptions = SEGMENTS,
        overlap: SegmentOptions = OVERLAP_SEGMENTS,
    ) -> None:
        self.limits = limits
        self._options = VadOptions(segments)
        self._overlap = overlap

    def open(self, data: Encoded, channel: Channel, progress: Progress) -> LongAudio:
        return LongAudio(data, self.limits, channel, progress)

    def announced(self, data: Encoded) -> Announced:
        """Raises AudioError."""
        return read_announced(data, limits=self.limits)

    def find_speech(self, audio: LongAudio) -> Spoken:
        """Raises AudioError."""
        return self.vad.stream(audio.pieces)

    def find_overlap(self, audio: LongAudio, spoken: Spoken) -> tuple[Segment, ...]:
        """Where two or more speak at once. Raises AudioError."""
        return self.overlap_detector.stream(audio.spans, spoken)

    def quality(self, audio: LongAudio, spoken: Spoken) -> Speech:
        """Its net speech; noise, clipping and bandwidth of the two minutes from the first word on."""
        start = spoken.segments[0][0] if spoken.segments else 0
        end = min(start + MEASURED, spoken.total)
        (samples,) = read_spans(stream(audio.data, limits=audio.limits, channel=audio.channel), [(start, end)])
        heard = measure(high_pass(samples), _inside(spoken.segments, start, end), clipping_ratio(samples))
        seconds = sum(end - start for start, end in spoken.segments) / SAMPLE_RATE_HZ
        return Speech(seconds, heard.snr_db, heard.clipping_ratio, heard.bandwidth_hz)

    @cached_property
    def vad(self) -> SileroVad:
        return SileroVad(self._options)

    @cached_property
    def overlap_detector(self) -> OverlapDetector:
        return OverlapDetector(self._overlap)


def _inside(segments: Sequence[Segment], start: int, end: int) -> tuple[Segment, ...]:
    return tuple((a - start, min(b, end) - start) for a, b in segments if a < end)
