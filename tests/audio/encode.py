"""Audio files of every format the package reads, and packets of streams, made in memory."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from speakerid.types import FloatArray

WAV_HEADER_BYTES = 44
OPUS_HZ = 48_000
BLOCK = 4096
RATE_HZ = 16_000


@dataclass(frozen=True)
class Recipe:
    """How PyAV writes one format. `rates_hz` are those its codec takes."""

    container: str
    codec: str
    rates_hz: tuple[int, ...]
    channels: tuple[int, ...] = (1, 2)
    options: dict[str, str] = field(default_factory=dict)


_ANY_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)

RECIPES = {
    "wav-u8": Recipe("wav", "pcm_u8", _ANY_HZ),
    "wav-s16": Recipe("wav", "pcm_s16le", _ANY_HZ, (1, 2, 3, 6)),
    "wav-s24": Recipe("wav", "pcm_s24le", _ANY_HZ, (1, 2, 6)),
    "wav-s32": Recipe("wav", "pcm_s32le", _ANY_HZ),
    "wav-f32": Recipe("wav", "pcm_f32le", _ANY_HZ),
    "wav-f64": Recipe("wav", "pcm_f64le", _ANY_HZ),
    "wav-alaw": Recipe("wav", "pcm_alaw", (8_000, 16_000)),
    "wav-mulaw": Recipe("wav", "pcm_mulaw", (8_000, 16_000)),
    "flac": Recipe("flac", "flac", _ANY_HZ, (1, 2, 6)),
    "mp3": Recipe("mp3", "libmp3lame", (11_025, 16_000, 22_050, 44_100, 48_000)),
    "ogg-opus": Recipe("ogg", "libopus", (8_000, 16_000, 48_000), (1, 2, 6)),
    "webm-opus": Recipe("webm", "libopus", (16_000, 48_000)),
    "m4a-aac": Recipe("mp4", "aac", (8_000, 16_000, 44_100, 48_000, 96_000), (1, 2, 6)),
    "m4a-fragments": Recipe(
        "mp4", "aac", (16_000, 44_100), options={"movflags": "frag_keyframe+empty_moov", "frag_duration": "300000"}
    ),
    "aac": Recipe("adts", "aac", (16_000, 44_100)),
}

_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 6: "5.1"}


def encode(name: str, voice: FloatArray, rate_hz: int, channels: int = 1, voice_hz: int = 48_000) -> bytes:
    """The file of `name`: the same voice in every channel. "ogg-vorbis" comes from libsndfile."""
    samples = np.asarray(soxr.resample(voice, voice_hz, rate_hz), np.float32)
    if name == "ogg-vorbis":
        return soundfile_bytes(np.repeat(samples[:, None], channels, 1), rate_hz, "OGG", "VORBIS")
    return _av_bytes(RECIPES[name], np.repeat(samples[None], channels, 0), rate_hz)


def soundfile_bytes(frames: NDArray[Any], rate_hz: int, container: str, subtype: str | None = None) -> bytes:
    """`frames`: (n, channels)."""
    buffer = io.BytesIO()
    soundfile.write(buffer, frames, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


def wav_bytes(samples: NDArray[Any], rate_hz: int, channels: int = 1, data_bytes: int | None = None) -> bytes:
    """A plain 44-byte header and interleaved `samples`; `data_bytes` is what the header declares, true or not."""
    tag = 3 if samples.dtype.kind == "f" else 1
    width = samples.dtype.itemsize
    announced = samples.nbytes if data_bytes is None else data_bytes
    fmt = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * channels * width, channels * width, 8 * width)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", min(36 + announced, 0xFFFF_FFFF), b"WAVE", b"fmt ", 16)
        + fmt
        + struct.pack("<4sI", b"data", announced)
        + samples.tobytes()
    )


def _av_bytes(recipe: Recipe, planes: FloatArray, rate_hz: int) -> bytes:
    layout = _LAYOUTS[len(planes)]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=recipe.container, options=recipe.options) as container:
        stream: Any = container.add_stream(recipe.codec, rate=rate_hz, layout=layout)
        stream.codec_context.open(strict=False)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, rate_hz, frame_size=size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def opus_packets(voice: FloatArray, channels: int = 1) -> list[bytes]:
    """Of 20 ms each; `voice (n,)` at 48 kHz, the same in every channel."""
    layout = "mono" if channels == 1 else "stereo"
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = OPUS_HZ, layout, "s16"
    encoder.open()
    pcm = np.repeat((voice * 32_767.0).astype(np.int16), channels).reshape(1, -1)
    size = encoder.frame_size
    packets: list[bytes] = []
    for nth in range(len(voice) // size):
        part = np.ascontiguousarray(pcm[:, nth * size * channels : (nth + 1) * size * channels])
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate, frame.pts = OPUS_HZ, nth * size
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def silent_flac(seconds: int, *, declare: bool = True) -> bytes:
    """16 kHz mono, 13 bytes for each 0.26 s. `declare=False` leaves the number of samples out of the header."""
    frames = seconds * RATE_HZ // BLOCK
    total = frames * BLOCK if declare else 0
    packed = RATE_HZ << 44 | 0 << 41 | 15 << 36 | total
    info = BLOCK.to_bytes(2, "big") * 2 + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\x00\x00\x22" + info + b"".join(_frame(number) for number in range(frames))


def _frame(number: int) -> bytes:
    header = b"\xff\xf8\xc5\x08" + _utf8(number)  # fixed blocks of 4096, 16 kHz, mono, 16 bit
    body = header + bytes([_crc(header, 8, 0x07)]) + b"\x00\x00\x00"
    return body + _crc(body, 16, 0x8005).to_bytes(2, "big")


def _utf8(number: int) -> bytes:
    """Frame numbers are coded like characters, surrogates included."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table, crc = _crc_table(bits, polynomial), 0
    for byte in data:
        crc = (crc << 8 ^ table[crc >> (bits - 8) ^ byte]) & ((1 << bits) - 1)
    return crc


@cache
def _crc_table(bits: int, polynomial: int) -> tuple[int, ...]:
    def shifted(crc: int) -> int:
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc >> (bits - 1) else 0)) & ((1 << bits) - 1)
        return crc

    return tuple(shifted(byte << (bits - 8)) for byte in range(256))
