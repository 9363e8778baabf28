"""Where speech is: Silero VAD (github.com/snakers4/silero-vad, MIT) by its ONNX file alone.

Its own package needs torch. `silero_vad/silero_vad_16k_frames.onnx` has the weights of its `silero_vad_16k_sequence`
and gives its probabilities, but convolves all frames together (docs/decisions/0045).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speakerid.audio.conditioning import rechunked
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.quality import quantile
from speakerid.onnx_session import open_session
from speakerid.types import FloatArray, Span

FRAME_SAMPLES = 512  # 32 ms at 16 kHz
CONTEXT_SAMPLES = 64  # the end of the previous frame, which the model sees before each frame
STATE_SHAPE = (1, 1, 128)  # of its LSTM: hidden and cell
MODEL_FILE = Path(__file__).parent / "silero_vad" / "silero_vad_16k_frames.onnx"


@dataclass(frozen=True)
class SegmentOptions:
    """Silero's defaults, but 96 ms (3 frames) of speech, not 250: of 60 spoken digits 250 ms loses ten, 96 ms none."""

    threshold: float = 0.5
    end_threshold: float = 0.35
    min_speech_ms: int = 96
    min_silence_ms: int = 100
    pad_ms: int = 30


@dataclass(frozen=True)
class VadOptions:
    segments: SegmentOptions = field(default_factory=SegmentOptions)
    block_frames: int = 512  # 16 s at a time: memory does not grow with the recording
    level_rms: float = 0.16  # -16 dBFS for the loudest frames: of 600 spoken digits 4 are missed, 17 at -20 dBFS
    max_gain: float = 1000.0  # 60 dB: a -50 dBFS recording becomes audible, 16-bit dither (-98 dBFS) does not


@dataclass(frozen=True)
class VadState:
    """What the model keeps from one block to the next."""

    hidden: FloatArray = field(default_factory=lambda: np.zeros(STATE_SHAPE, np.float32))
    cell: FloatArray = field(default_factory=lambda: np.zeros(STATE_SHAPE, np.float32))
    context: FloatArray = field(default_factory=lambda: np.zeros(CONTEXT_SAMPLES, np.float32))


class SileroVad:
    """The Silero model. Loads on construction (12 ms, 5 MB); safe to share between threads."""

    def __init__(self, options: VadOptions | None = None, model: Path | None = None) -> None:
        self._options = options or VadOptions()
        self._session = open_session(model or MODEL_FILE)

    def speech_segments(self, samples: FloatArray) -> tuple[Span, ...]:
        """Spans of speech in `samples` (n,) float32 at 16 kHz, ascending, without overlap."""
        return find_segments(self.probabilities(samples), len(samples), FRAME_SAMPLES, self._options.segments)

    def probabilities(self, samples: FloatArray) -> FloatArray:
        """Probability of speech for each frame of 32 ms, the last one padded with zeros: (ceil(n / 512),)."""
        return self._run(rechunked([samples], self._block), level_gain(frame_powers(samples), self._options))

    def step(self, block: FloatArray, state: VadState) -> tuple[FloatArray, VadState]:
        """Probabilities of the frames of `block`, which goes on where the one that left `state` ended.

        All blocks but the last are whole frames, at the level that `level_gain` brings them to.
        """
        frames = _framed(block, state.context)
        feed = {"input": frames, "h": state.hidden, "c": state.cell}
        speech, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], feed)
        return speech, VadState(hidden, cell, frames[-1, -CONTEXT_SAMPLES:])

    @property
    def _block(self) -> int:
        return self._options.block_frames * FRAME_SAMPLES

    def _run(self, blocks: Iterable[FloatArray], gain: np.float32) -> FloatArray:
        state, found = VadState(), [np.zeros(0, np.float32)]
        for block in blocks:
            speech, state = self.step(block * gain, state)
            found.append(speech)
        return np.concatenate(found)


def frame_powers(samples: FloatArray) -> FloatArray:
    """Mean square of each whole frame, or of the samples where they are fewer than one frame."""
    whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    if not len(whole):
        whole = samples.reshape(1, -1)
    powers: FloatArray = np.einsum("ij,ij->i", whole, whole) / np.float32(max(whole.shape[1], 1))
    return powers


def level_gain(powers: FloatArray, options: VadOptions) -> np.float32:
    """The factor that brings the loudest twentieth of the frames to `level_rms`.

    The model misses speech far below ordinary levels. Frames, not the peak: a click is not speech.
    """
    rms = np.sqrt(quantile(powers, 0.95)) if len(powers) else 0.0
    return np.float32(min(options.level_rms / max(rms, 1e-9), options.max_gain))


def _framed(block: FloatArray, context: FloatArray) -> FloatArray:
    """(frames, 64 + 512): every frame after the end of the one before it, the last one padded with zeros."""
    frames = np.zeros((-(-len(block) // FRAME_SAMPLES), FRAME_SAMPLES), np.float32)
    frames.reshape(-1)[: len(block)] = block
    return np.hstack((np.vstack((context, frames[:-1, -CONTEXT_SAMPLES:])), frames))


def find_segments(
    probabilities: FloatArray, total: int, frame_samples: int, options: SegmentOptions
) -> tuple[Span, ...]:
    """Segments where `probabilities` (frames,) are high, `frame_samples` each over `total` samples, without overlap."""
    runs = _runs(probabilities, frame_samples, samples_in(options.min_silence_ms), options)
    kept = ((start, min(end, total)) for start, end in runs)
    long = [(start, end) for start, end in kept if end - start >= samples_in(options.min_speech_ms)]
    return tuple(_padded(long, total, samples_in(options.pad_ms)))


def samples_in(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE_HZ // 1000


def _runs(
    probabilities: Iterable[float], frame_samples: int, min_silence: int, options: SegmentOptions
) -> Iterator[Span]:
    """A run starts at `threshold` and ends where `min_silence` samples below `end_threshold` begin."""
    start = quiet = -1
    at = 0
    for probability in probabilities:
        if probability >= options.threshold:
            start, quiet = (at if start < 0 else start), -1
        elif probability < options.end_threshold and start >= 0:
            quiet = at if quiet < 0 else quiet
            if at - quiet >= min_silence:
                yield start, quiet
                start = quiet = -1
        at += frame_samples
    if start >= 0:
        yield start, at


def _padded(segments: list[Span], total: int, pad: int) -> Iterator[Span]:
    """Pad segments: each side gets `pad` samples, or half the gap to its neighbour where that is less."""
    for nth, (start, end) in enumerate(segments):
        before = start if nth == 0 else (start - segments[nth - 1][1] + 1) // 2
        after = total - end if nth == len(segments) - 1 else (segments[nth + 1][0] - end) // 2
        yield start - min(pad, before), end + min(pad, after)
