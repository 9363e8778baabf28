"""Reads what an engine wrote, writes what is committed; the same samples always give the same bytes."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from recipes.sample_voices.room import SAMPLE_RATE_HZ, Samples

OPUS_BIT_RATE = 24_000
_BIT_EXACT = {"fflags": "+bitexact"}  # without it FFmpeg gives every Ogg stream a random serial number


def read(path: Path) -> Samples:
    """The file as mono samples (n,) at 16 kHz."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in _resampled(container)])


def write_opus(path: Path, samples: Samples) -> None:
    """Mono Ogg Opus of `samples` (n,) at 24 kb/s."""
    _write(path, _frame(samples[np.newaxis], "flt"), codec="libopus")


def write_flac(path: Path, samples: Samples) -> None:
    """Mono 16-bit FLAC of `samples` (n,)."""
    _write(path, _frame(np.round(samples[np.newaxis] * 32767).astype(np.int16), "s16"), codec="flac")


def _resampled(container: InputContainer) -> Iterator[AudioFrame]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE_HZ)
    for frame in container.decode(audio=0):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _frame(samples: NDArray[np.float32] | NDArray[np.int16], sample_format: str) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples, format=sample_format, layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.pts, frame.time_base = 0, Fraction(1, SAMPLE_RATE_HZ)
    return frame


def _write(path: Path, frame: AudioFrame, *, codec: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", container_options=_BIT_EXACT) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="mono", format=frame.format.name)
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = OPUS_BIT_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
