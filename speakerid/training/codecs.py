"""Copies of speech that went through a lossy codec, as calls and recordings do (FFmpeg through PyAV)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.audio.stream import AudioStream

from speakerid.training.data import SAMPLE_RATE_HZ, Samples


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


def through(samples: Samples, codec: Codec) -> Samples:
    """The same speech after encoding and decoding, `(samples,)` of the same length, delay not removed."""
    stored = io.BytesIO()
    _encode(_resample(samples, SAMPLE_RATE_HZ, codec.rate_hz), codec, stored)
    stored.seek(0)
    decoded, rate_hz = _decode(stored)
    wide = _resample(decoded, rate_hz, SAMPLE_RATE_HZ)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def _encode(samples: Samples, codec: Codec, out: io.BytesIO) -> None:
    with av.open(out, "w", format=codec.container) as container:
        stream = cast(AudioStream, container.add_stream(codec.name, rate=codec.rate_hz))
        stream.bit_rate = codec.bit_rate
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(_int16(samples)[None], format="s16", layout="mono")
        frame.sample_rate = codec.rate_hz
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def _decode(stored: io.BytesIO) -> tuple[Samples, int]:
    resampler = av.AudioResampler(format="flt", layout="mono")
    with av.open(stored, "r") as container:
        rate_hz = container.streams.audio[0].rate
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([f.to_ndarray()[0] for f in frames]).astype(np.float32), rate_hz


def _int16(samples: Samples) -> npt.NDArray[np.int16]:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-5)
    return np.round(samples * (0.7 * 32767 / peak)).astype(np.int16)


def _resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    return samples if from_hz == to_hz else soxr.resample(samples, from_hz, to_hz).astype(np.float32)
