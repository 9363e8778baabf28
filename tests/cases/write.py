"""Writers of small audio files: FFmpeg's, libsndfile's, and bytes by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from speakerid.types import FloatArray

Planes = FloatArray  # (n,) at 16 kHz: the voice of every case
RATE_HZ = 16_000
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 6: "5.1", 8: "7.1"}
VIDEO_CODECS = {"matroska": "libvpx", "webm": "libvpx"}


def at(voice: FloatArray, rate_hz: int) -> FloatArray:
    return np.asarray(soxr.resample(voice, RATE_HZ, rate_hz), np.float32)


def stereo(voice: FloatArray, right: float = 1.0) -> FloatArray:
    """(2, n)"""
    return np.stack([voice, right * voice]).astype(np.float32)


def center(voice: FloatArray) -> FloatArray:
    """(6, n): 5.1 with the voice where films have it."""
    planes = np.zeros((6, len(voice)), np.float32)
    planes[2] = voice
    return planes


def ffmpeg(
    container: str,
    codec: str,
    *tracks: FloatArray,
    hz: int = RATE_HZ,
    video: bool = False,
    default: int = 0,
    metadata: Mapping[str, str] = MappingProxyType({}),
    bit_rate: int | None = 128_000,
    options: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """`tracks`: (n,) or (channels, n) at 16 kHz, written at `hz`; `default` is the one with that disposition."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=dict(options)) as out:
        out.metadata.update(metadata)
        picture = _video_stream(out, container) if video else None
        streams = [_audio_stream(out, codec, track, hz, bit_rate) for track in tracks]
        for nth, stream in enumerate(streams):
            stream.disposition = av.stream.Disposition.default if nth == default else av.stream.Disposition(0)
        if picture is not None:
            _mux_video(out, picture)
        encoded = [_packets(stream, track, hz) for stream, track in zip(streams, tracks, strict=True)]
        for packet in sorted((one for packets in encoded for one in packets), key=_time):
            out.mux(packet)
    return buffer.getvalue()


def _audio_stream(out: Any, codec: str, track: FloatArray, hz: int, bit_rate: int | None) -> Any:
    planes = np.atleast_2d(track)
    stream = out.add_stream(codec, rate=hz, layout=LAYOUTS[len(planes)])
    if bit_rate is not None:
        stream.bit_rate = bit_rate
    stream.codec_context.open(strict=False)
    return stream


def _packets(stream: Any, track: FloatArray, hz: int) -> list[Any]:
    planes = np.ascontiguousarray(np.stack([at(one, hz) for one in np.atleast_2d(track)]))
    layout = LAYOUTS[len(planes)]
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    frame.sample_rate = hz
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(stream.codec_context.format.name, layout, hz, frame_size=size)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return [packet for piece in (*pieces, None) for packet in stream.encode(piece)]


def _time(packet: Any) -> float:
    return float((packet.dts or 0) * packet.time_base) if packet.time_base else 0.0


def _video_stream(out: Any, container: str) -> Any:
    stream = out.add_stream(VIDEO_CODECS.get(container, "mpeg4"), rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _mux_video(out: Any, stream: Any) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        picture = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(picture.reformat(format="yuv420p")))
    out.mux(stream.encode(None))


def sndfile(voice: FloatArray, container: str, subtype: str, hz: int = RATE_HZ, endian: str = "FILE") -> bytes:
    """`voice`: (n,) or (channels, n) at 16 kHz."""
    frames = np.stack([at(one, hz) for one in np.atleast_2d(voice)], axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, frames, hz, format=container, subtype=subtype, endian=endian)
    return buffer.getvalue()


def pcm16(voice: FloatArray) -> NDArray[np.int16]:
    """(n,) or (channels, n) -> interleaved."""
    return np.ascontiguousarray((np.clip(np.atleast_2d(voice), -1, 1) * 32_767).astype("<i2").T).reshape(-1)


def chunk(name: bytes, content: bytes, order: str = "<") -> bytes:
    """One of RIFF, padded to an even number of bytes."""
    return struct.pack(f"{order}4sI", name, len(content)) + content + bytes(len(content) % 2)


def fmt(channels: int, bits: int, hz: int = RATE_HZ, tag: int = 1, order: str = "<", align: int | None = None) -> bytes:
    align = channels * bits // 8 if align is None else align
    return chunk(b"fmt ", struct.pack(f"{order}HHIIHH", tag, channels, hz, hz * align, align, bits), order)


def extensible(channels: int, bits: int, valid: int, hz: int = RATE_HZ, tag: int = 1) -> bytes:
    align = channels * bits // 8
    plain = struct.pack("<HHIIHH", 0xFFFE, channels, hz, hz * align, align, bits)
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk(b"fmt ", plain + struct.pack("<HHI", 22, valid, (1 << channels) - 1) + guid)


def riff(*chunks: bytes, name: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack(">4sI" if name == b"RIFX" else "<4sI", name, len(body) if size is None else size) + body


def wav(voice: FloatArray, *after: bytes, before: bytes = b"", announced: int | None = None) -> bytes:
    """16 bits at 16 kHz. `announced`: bytes of samples by the header, true or not."""
    samples = pcm16(voice).tobytes()
    data = struct.pack("<4sI", b"data", len(samples) if announced is None else announced) + samples
    return riff(fmt(len(np.atleast_2d(voice)), 16), before, data, *after)


def id3(*frames: tuple[bytes, bytes]) -> bytes:
    """A tag of version 2.3: four 7-bit bytes of size."""
    body = b"".join(struct.pack(">4sI2x", name, len(content)) + content for name, content in frames)
    return b"ID3\x03\0\0" + bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def ape() -> bytes:
    """An APEv2 tag with header and footer."""
    item = struct.pack("<II", 5, 0) + b"Title\0" + b"hello"
    head = b"APETAGEX" + struct.pack("<IIII8x", 2000, len(item) + 32, 1, 0xA000_0000)
    foot = b"APETAGEX" + struct.pack("<IIII8x", 2000, len(item) + 32, 1, 0x8000_0000)
    return head + item + foot


def damaged(data: bytes, share: float = 0.5, size: int = 2_000, fill: bytes = b"\0") -> bytes:
    """`size` bytes overwritten at that share of the file."""
    start = int(len(data) * share)
    return data[:start] + (fill * size)[:size] + data[start + size :]


def gap(data: bytes, share: float = 0.5, size: int = 2_000) -> bytes:
    """`size` bytes missing there."""
    start = int(len(data) * share)
    return data[:start] + data[start + size :]


@cache
def jpeg() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as out:
        stream: Any = out.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(picture.reformat(format="yuvj420p")))
        out.mux(stream.encode(None))
    return buffer.getvalue()
