"""Speech through a lossy codec, as calls and recordings have it (FFmpeg through PyAV)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

PEAK = 0.7 * 32767  # codecs overshoot


@dataclass(frozen=True)
class Codec:
    name: str
    container: str
    rate_hz: int
    bit_rate: int


CODECS = (
    Codec("libopus", "ogg", 16_000, 8_000),
    Codec("libopus", "ogg", 16_000, 12_000),
    Codec("libopus", "ogg", 8_000, 6_000),
    Codec("libopus", "ogg", 48_000, 24_000),
    Codec("libopencore_amrnb", "amr", 8_000, 12_200),
    Codec("libopencore_amrnb", "amr", 8_000, 5_900),
    Codec("libmp3lame", "mp3", 16_000, 24_000),
    Codec("libmp3lame", "mp3", 22_050, 32_000),
    Codec("g722", "wav", 16_000, 64_000),
    Codec("g726", "wav", 8_000, 32_000),
    Codec("g723_1", "wav", 8_000, 6_300),
    Codec("pcm_alaw", "wav", 8_000, 64_000),
    Codec("aac", "adts", 16_000, 24_000),
)


def through(samples: FloatArray, codec: Codec) -> FloatArray:
    """The same speech after encoding and decoding, `(samples,)` of the same length, delay not removed."""
    coded = io.BytesIO()
    narrow = _resampled(samples, SAMPLE_RATE_HZ, codec.rate_hz)
    scaled = np.round(narrow * (PEAK / max(float(np.abs(narrow).max(initial=0.0)), 1e-5)))
    frame = AudioFrame.from_ndarray(scaled.astype(np.int16)[None], format="s16", layout="mono")
    encode(frame, codec, coded)
    coded.seek(0)
    wide = _resampled(*_decoded(coded), SAMPLE_RATE_HZ)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def encode(
    frame: AudioFrame,
    codec: Codec,
    out: io.BytesIO | str,
    sample_format: str | None = None,
    options: Mapping[str, str] | None = None,
) -> None:
    """Writes one mono `frame` as a whole file, with FFmpeg's `options` for the container."""
    frame.sample_rate = codec.rate_hz
    with av.open(out, "w", format=codec.container, container_options=dict(options or {})) as container:
        wanted: dict[str, Any] = {"format": sample_format} if sample_format else {}
        stream = container.add_stream(codec.name, rate=codec.rate_hz, layout="mono", **wanted)
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = codec.bit_rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _decoded(coded: io.BytesIO) -> tuple[FloatArray, int]:
    resampler = av.AudioResampler(format="flt", layout="mono")
    with av.open(coded, "r") as container:
        rate_hz = container.streams.audio[0].rate
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32), rate_hz


def _resampled(samples: FloatArray, from_hz: int, to_hz: int) -> FloatArray:
    return samples if from_hz == to_hz else soxr.resample(samples, from_hz, to_hz).astype(np.float32)
