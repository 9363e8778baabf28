"""Where two people speak at once: a small convolutional network over power spectra (docs/decisions/0017).

It was trained by `speakerid.training.recipes.overlap` on made mixtures, and hears 5 s at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.segments import Segment, SegmentOptions, find_segments
from speakerid.audio.vad import Spoken
from speakerid.onnx_session import open_session
from speakerid.types import FloatArray, Span

HEARD = 5 * SAMPLE_RATE_HZ  # samples at a time
CONTEXT = SAMPLE_RATE_HZ // 2  # of them at either end are only there to understand the others
STEP = HEARD - 2 * CONTEXT
FRAME_SAMPLES = 320  # 20 ms
WINDOW = 1_024  # samples of a spectrum, 64 ms: long enough to see the harmonics of two voices apart
FRAMES = HEARD // FRAME_SAMPLES
STEP_FRAMES = STEP // FRAME_SAMPLES
EDGE = (WINDOW - FRAME_SAMPLES) // 2
HANN = np.hanning(WINDOW).astype(np.float32)
MODEL_FILE = Path(__file__).with_name("overlap.onnx")


# The probability is fitted on made conversations: `python -m speakerid.evaluation.diarization --fit`.
SEGMENTS = SegmentOptions(threshold=0.75, end_threshold=0.75, min_speech_ms=300, min_silence_ms=200, pad_ms=0)


class OverlapDetector:
    """Loads on construction; safe to share between threads."""

    def __init__(self, options: SegmentOptions = SEGMENTS, model: Path = MODEL_FILE) -> None:
        self._options = options
        self._session = open_session(model)

    def probabilities(self, samples: FloatArray) -> FloatArray:
        """`samples (n, HEARD)` at 16 kHz -> `(n, FRAMES)`: the probability that two or more speak in each 20 ms."""
        found: FloatArray = self._session.run(None, {"power": power_spectra(samples)})[0]
        return found

    def stream(self, read: Callable[[Sequence[Span]], Iterable[FloatArray]], spoken: Spoken) -> tuple[Segment, ...]:
        """Where two or more speak, ascending; `read` gives the samples of spans of the recording."""
        steps = [at for at in range(0, spoken.total, STEP) if _any_speech(spoken.segments, at, at + STEP)]
        places = [(start, start + HEARD) for start in (max(at - CONTEXT, 0) for at in steps)]
        found = np.zeros(-(-spoken.total // STEP) * STEP_FRAMES, np.float32)
        for at, (start, _), samples in zip(steps, places, read(places), strict=True):
            heard = self.probabilities(np.pad(samples, (0, HEARD - len(samples)))[None])[0]
            found[at // FRAME_SAMPLES :][:STEP_FRAMES] = heard[(at - start) // FRAME_SAMPLES :][:STEP_FRAMES]
        return find_segments(found, spoken.total, FRAME_SAMPLES, self._options)


def power_spectra(samples: FloatArray) -> FloatArray:
    """`samples (n, HEARD)` -> `(n, FRAMES, WINDOW // 2 + 1)`, each frame in the middle of its window."""
    padded = np.pad(samples, ((0, 0), (EDGE, EDGE)))
    frames = sliding_window_view(padded, WINDOW, axis=1)[:, ::FRAME_SAMPLES]
    spectra: NDArray[np.complexfloating] = np.fft.rfft(frames * HANN, axis=2)
    return (spectra.real**2 + spectra.imag**2).astype(np.float32)


def _any_speech(segments: Sequence[Segment], start: int, end: int) -> bool:
    after = bisect_left(segments, (start, start))
    around = segments[max(after - 1, 0) : after + 1]
    return any(first < end and last > start for first, last in around)
