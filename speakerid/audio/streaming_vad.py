"""Voice activity of a stream: stretches of speech that no longer pause interrupts, known frame by frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from speakerid.audio.long_audio_reader import SEGMENTS
from speakerid.audio.vad import (
    FRAME_SAMPLES,
    SegmentOptions,
    SileroVad,
    VadOptions,
    VadState,
    frame_powers,
    level_gain,
    samples_in,
)
from speakerid.types import FloatArray, Span

LEVEL_FRAMES = 600  # 19 s: the level is that of the last words, not of the whole recording
FIRST_LEVEL_FRAMES = 31  # 1 s: until then the gain is that of ordinary speech
FIRST_MAX_GAIN = np.float32(10.0)


@dataclass(frozen=True)
class StreamingVadOptions:
    """Options as for recordings, but that pauses between a speaker's words do not end a stretch."""

    segments: SegmentOptions = field(default_factory=lambda: replace(SEGMENTS, min_silence_ms=360))
    level: VadOptions = field(default_factory=VadOptions)


class StreamingVad:
    """Takes whole frames in order; `stretch` is what goes on, `take_ended` gives what ended since the last call.

    A stretch ends with the last frame of speech before a pause of `min_silence_ms`. One end is padded by `pad_ms`.
    """

    def __init__(self, vad: SileroVad, options: StreamingVadOptions | None = None) -> None:
        self._vad = vad
        self._options = options or StreamingVadOptions()
        self._state = VadState()
        self._powers: deque[float] = deque(maxlen=LEVEL_FRAMES)
        self._at = 0
        self._start = -1
        self._spoken_to = 0
        self._previous_end = 0
        self._ended: list[Span] = []

    def process(self, block: FloatArray) -> None:
        """Take `block` (n x 512,) float32 at 16 kHz."""
        self._powers.extend(frame_powers(block))
        speech, self._state = self._vad.step(block * self._gain(), self._state)
        for probability in speech:
            self._step(float(probability))

    @property
    def stretch(self) -> Span | None:
        """The open stretch, from its first to its last frame of speech so far."""
        return None if self._start < 0 else (self._padded_start(), self._spoken_to)

    def take_ended(self) -> list[Span]:
        ended, self._ended = self._ended, []
        return ended

    def finish(self) -> None:
        """End the open stretch: no more comes."""
        if self._start >= 0:
            self._end()

    def _gain(self) -> np.float32:
        gain = level_gain(np.array(self._powers, np.float32), self._options.level)
        return gain if len(self._powers) >= FIRST_LEVEL_FRAMES else min(gain, FIRST_MAX_GAIN)

    def _step(self, probability: float) -> None:
        options = self._options.segments
        if probability >= options.threshold and self._start < 0:
            self._start = self._at
        self._at += FRAME_SAMPLES
        if self._start < 0:
            return
        if probability >= options.end_threshold:
            self._spoken_to = self._at
        elif self._at - self._spoken_to >= samples_in(options.min_silence_ms):
            self._end()

    def _end(self) -> None:
        start, end = self._padded_start(), min(self._spoken_to + samples_in(self._options.segments.pad_ms), self._at)
        if self._spoken_to - self._start >= samples_in(self._options.segments.min_speech_ms):
            self._ended.append((start, end))
            self._previous_end = end
        self._start = -1

    def _padded_start(self) -> int:
        return max(self._start - samples_in(self._options.segments.pad_ms), self._previous_end)
