"""One audio stream out of encoded bytes, frame by frame, through FFmpeg (the PyAV wheel carries it).

FFmpeg gets one demuxer, a list of decoders and no protocol: it opens nothing but these bytes. One thread.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EIO
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from speakerid.audio.byte_source import Arriving, ByteSource, ChunkedSource, Cursor
from speakerid.audio.containers.header import ContainerHeader, read_header
from speakerid.audio.containers.sniff import ContainerFormat, sniff
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.audio.resample import Collector
from speakerid.errors import DecodingNeedsMemory, InvalidSamples, MalformedAudio, NoSamples, UnsupportedAudio
from speakerid.types import FloatArray

MAX_STREAMS = 32  # FFmpeg allocates per stream; a recording has one or a few
MAX_ABS = 2.0**31  # floats scaled like integers still pass; beyond, powers overflow float32
BAD_PACKET_SHARE = 0.1  # a few damaged packets are a gap, more are a broken file
BAD_PACKETS_BEFORE_GIVING_UP = 50
_DTYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}
_FULL_SCALE = {"u8": 128.0, "s16": 32_768.0, "s32": 2_147_483_648.0, "flt": 1.0, "dbl": 1.0}


@dataclass(frozen=True)
class DecodedBlock:
    """Decoded audio: `frames` is (n, channels), 1.0 is full scale."""

    frames: FloatArray
    rate_hz: int


class AudioReader:
    """The first audio stream of a file: iterate for its blocks; `bad_packets` could not be decoded."""

    def __init__(self, data: ByteSource | Arriving, fmt: ContainerFormat) -> None:
        """Raises MalformedAudio, NoSamples, or UnsupportedAudio for another codec or no audio."""
        self._container = _open(data, fmt)
        try:
            self._stream = _audio_stream(self._container.streams.audio, fmt)
        except BaseException:
            self._container.close()
            raise
        self.packets = 0
        self.bad_packets = 0

    @property
    def channels(self) -> int:
        return int(self._stream.codec_context.channels)

    @property
    def declared_s(self) -> float | None:
        """What a container with only this stream announces as its length."""
        duration = self._container.duration
        return duration / av.time_base if duration and len(self._container.streams) == 1 else None

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[DecodedBlock]:
        """Raises InvalidSamples for NaN or infinite samples, MalformedAudio when much cannot be decoded."""
        for packet in self._packets():
            for frame in self._decode(packet):
                yield DecodedBlock(to_float(frame), frame.sample_rate)
        if self.bad_packets > max(1, self.packets * BAD_PACKET_SHARE):
            raise MalformedAudio(_DAMAGED)

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except (av.FFmpegError, ValueError) as error:
                _check_memory(error)
                self.bad_packets += 1
                return

    def _decode(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        self.packets += 1
        try:
            return list(packet.decode())
        except (av.FFmpegError, ValueError) as error:
            _check_memory(error)
            self.bad_packets += 1
            if self.bad_packets >= max(BAD_PACKETS_BEFORE_GIVING_UP, self.packets // 2):
                raise MalformedAudio(_DAMAGED) from error
            return []


_DAMAGED = "The audio is damaged: much of it cannot be decoded. Export it again."


def _open(data: ByteSource | Arriving, fmt: ContainerFormat) -> InputContainer:
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": fmt.demuxer,
        "codec_whitelist": ",".join(fmt.decoders),
        "max_streams": str(MAX_STREAMS),
    }
    try:
        return av.open(_file(data), mode="r", format=fmt.demuxer, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        _check_memory(error)
        if isinstance(error, EOFError) or (isinstance(error, OSError) and error.errno == EIO):
            raise NoSamples from error  # bytes in memory have no other input error than their end
        raise MalformedAudio(f"It looks like {fmt.container}, but it cannot be opened. Export it again.") from error


def _check_memory(error: Exception) -> None:
    """A lack of memory is no damage of the file's: what was decoded so far must not pass for all of it."""
    if isinstance(error, MemoryError):
        raise DecodingNeedsMemory from error


def _file(data: ByteSource | Arriving) -> io.BytesIO | Cursor | Arriving:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    return Cursor(data) if isinstance(data, mmap.mmap | ChunkedSource) else data


def _audio_stream(streams: tuple[AudioStream, ...], fmt: ContainerFormat) -> AudioStream:
    if not streams:
        raise UnsupportedAudio(f"The {fmt.container} file has no audio in it. Send a file with an audio track.")
    codec = streams[0].codec_context
    if codec is None or codec.name not in fmt.decoders:
        name = "an unknown codec" if codec is None else codec.name
        raise UnsupportedAudio(f"The {fmt.container} file holds {name}. Export it as PCM, FLAC, MP3, AAC or Opus.")
    codec.thread_count = 1
    return streams[0]


def to_float(frame: AudioFrame) -> FloatArray:
    """(n, channels), full scale 1.0, whatever the sample format. Raises InvalidSamples."""
    kind = frame.format.packed.name
    frames = _raw(frame, _DTYPES[kind])
    if kind == "flt":  # Opus, AAC, MP3, Vorbis: many short frames, so every call counts
        return checked(frames.astype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and NaN samples are refused next
        floats = (frames.astype(np.float32) - (128.0 if kind == "u8" else 0.0)) / np.float32(_FULL_SCALE[kind])
    return checked(floats)


def _raw(frame: AudioFrame, dtype: type) -> NDArray[Any]:
    """(n, channels) as FFmpeg stores it.

    Not `frame.to_ndarray()`: it counts planes up to a null pointer that FFmpeg only sets below 8 channels, and reads
    foreign memory from 8 planar channels on (seen with PyAV 18.1: Vorbis with 8 channels kills the process).
    """
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        return _plane(frame, 0, dtype, frame.samples * channels).reshape(-1, channels)
    planes = [_plane(frame, nth, dtype, frame.samples) for nth in range(channels)]
    return planes[0].reshape(-1, 1) if channels == 1 else np.stack(planes, axis=1)


def _plane(frame: AudioFrame, nth: int, dtype: type, count: int) -> NDArray[Any]:
    plane: Any = AudioPlane(frame, nth)
    return np.frombuffer(plane, dtype, count)


def checked(samples: FloatArray) -> FloatArray:
    """The same samples. Raises InvalidSamples if one is NaN, infinite or absurdly large."""
    if samples.size and not max(samples.max(), -samples.min()) <= MAX_ABS:  # false for NaN too
        raise InvalidSamples
    return samples


@dataclass(frozen=True)
class Announced:
    channels: int
    seconds: float | None


def announced_here(data: ByteSource, limits: DecodeLimits) -> Announced:
    """Channels and length as the file announces them, before decoding. Raises AudioError."""
    with AudioReader(data, sniff(data)) as reader:
        limits.check_channels(reader.channels)
        limits.check_length(reader.declared_s or 0.0)
        return Announced(reader.channels, reader.declared_s)


def decode_here(data: ByteSource, limits: DecodeLimits, channel: Channel) -> Iterator[FloatArray]:
    """(n,) float32 at 16 kHz each. Raises AudioError."""
    fmt = sniff(data)
    declared = read_header(data, fmt, limits)
    collector = Collector(limits, channel)
    with AudioReader(data, fmt) as reader:
        declared = _with_container_length(declared, reader, fmt)
        limits.check_channels(reader.channels)
        limits.check_length(declared.seconds or 0.0)
        for block in reader:
            collector.add(block.frames, block.rate_hz)
            yield from map(checked, collector.drain())
    if reader.packets == 0 or (collector.samples == 0 and not reader.bad_packets):
        raise NoSamples
    declared.check_found(collector.seconds)
    if collector.samples == 0:
        raise MalformedAudio("The file holds no audio that can be decoded. Export it again.")
    yield from map(checked, collector.finish())


def _with_container_length(declared: ContainerHeader, reader: AudioReader, fmt: ContainerFormat) -> ContainerHeader:
    """The declared length. Only FFmpeg reads that of a WebM header; `read_header` knows the others better."""
    return ContainerHeader(reader.declared_s) if fmt.container == "WebM" else declared
