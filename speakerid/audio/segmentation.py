"""Who of a few people speaks in each frame of ten seconds: the fetched segmentation model, or VAD alone without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import FRAME_SAMPLES as VAD_FRAME
from speakerid.audio.vad import SegmentOptions, SileroVad, find_segments
from speakerid.onnx_session import InferenceSession, open_session
from speakerid.types import FloatArray, Span

WINDOW_S = 10.0  # what it was trained on
WINDOW = int(WINDOW_S * SAMPLE_RATE_HZ)  # samples
FRAMES = 589  # of a window
FRAME_STEP = 270  # samples from frame to frame, 16.9 ms
FRAME_LENGTH = 991  # samples that one frame is computed from; frames overlap
FIRST_EDGE = (FRAME_LENGTH - FRAME_STEP) // 2  # sample at which the first frame begins, as the nearest to what follows
SPEAKERS = 3
CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))  # who speaks, for each class of an answer
MEMBERSHIP = np.array([[speaker in who for speaker in range(SPEAKERS)] for who in CLASSES], np.float32)
TWO_AT_ONCE = np.array([0.5 * (len(who) > 1) for who in CLASSES], np.float32)  # llr: rarely found otherwise


class Segmenter(Protocol):
    """Finds who of a few speakers speaks when in a window. May be shared between threads."""

    @property
    def speakers(self) -> int:
        """How many it separates in one window, k; all speech is one speaker's where that is 1."""

    def speaking(self, windows: FloatArray) -> FloatArray:
        """`(n, WINDOW)` at 16 kHz -> `(n, FRAMES, k)`: 1 where a speaker speaks, 0 elsewhere.

        Speakers are numbered anew in every window.
        """


@dataclass(frozen=True, eq=False)
class Segmentation:
    """pyannote's segmentation model as an ONNX graph."""

    session: InferenceSession
    speakers: ClassVar[int] = SPEAKERS

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(open_session(path))

    def speaking(self, windows: FloatArray) -> FloatArray:
        """Digital silence, as of a microphone that is off, is not gone through."""
        found, heard = np.zeros((len(windows), FRAMES, SPEAKERS), np.float32), windows.any(axis=1)
        if heard.any():
            found[heard] = decided(self.log_probs(windows[heard]) + TWO_AT_ONCE)
        return found

    def log_probs(self, windows: FloatArray) -> FloatArray:
        """`(n, samples)` at 16 kHz -> `(n, frames, 7)`, natural logarithms; 589 frames for ten seconds."""
        answer: FloatArray = self.session.run(None, {"wav": windows})[0]
        return answer


def decided(log_probs: FloatArray) -> FloatArray:
    """`(…, 7)` -> `(…, 3)`: 1 for those who speak in the likeliest class, 0 for the others."""
    who: FloatArray = MEMBERSHIP[log_probs.argmax(axis=-1)]
    return who


@dataclass(frozen=True)
class VadAlone:
    """A segmenter that knows where speech is, not whose."""

    vad: SileroVad
    options: SegmentOptions
    speakers: ClassVar[int] = 1

    def speaking(self, windows: FloatArray) -> FloatArray:
        return np.stack([self._one(window) for window in windows])

    def _one(self, window: FloatArray) -> FloatArray:
        found = np.zeros((FRAMES, 1), np.float32)
        segments = find_segments(self.vad.probabilities(window), len(window), VAD_FRAME, self.options)
        for start, end in segments:
            found[max(frame_at(start), 0) : frame_at(end)] = 1.0
        return found


def frame_at(sample: int) -> int:
    """The frame whose edge is nearest; the outermost ones reach to the ends of a recording."""
    return round((sample - FIRST_EDGE) / FRAME_STEP)


def span_of(first: int, end: int) -> Span:
    """Samples of frames from `first` to `end`."""
    return first * FRAME_STEP + FIRST_EDGE, end * FRAME_STEP + FIRST_EDGE
