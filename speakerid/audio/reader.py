"""One audio stream out of encoded bytes, frame by frame, through FFmpeg (the PyAV wheel carries it).

FFmpeg finds out itself what the bytes are, among the demuxers and decoders that it may use. It gets no protocol: it
opens nothing but these bytes. One thread.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EIO
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from speakerid.audio.byte_source import Arriving, ByteSource, ChunkedSource, Cursor, as_file
from speakerid.audio.conditioning import PIECE_FRAMES, checked
from speakerid.audio.containers.documents import cut_or_empty, refusal
from speakerid.audio.containers.formats import DECODERS, DEMUXERS, EXACT
from speakerid.audio.losses import Losses
from speakerid.errors import AudioError, DecodingNeedsMemory, MalformedAudio, NoSamples, UnsupportedAudio
from speakerid.types import FloatArray

MAX_STREAMS = 32  # FFmpeg allocates per stream; a recording has one or a few
BAD_PACKET_SHARE = 0.5  # fewer damaged packets are a gap, more are a broken file
BAD_PACKETS_BEFORE_GIVING_UP = 50
ERRORS_IN_A_ROW = 50  # of the demuxer, without a packet between them
_DTYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}
_FULL_SCALE = {"u8": 128.0, "s16": 32_768.0, "s32": 2_147_483_648.0, "flt": 1.0, "dbl": 1.0}


@dataclass(frozen=True)
class DecodedBlock:
    """Decoded audio: `frames` is (n, channels), 1.0 is full scale."""

    frames: FloatArray
    rate_hz: int


class AudioReader:
    """One audio stream of a file: iterate for its blocks; `bad_packets` could not be decoded."""

    def __init__(
        self,
        data: ByteSource | Arriving,
        demuxer: str | None = None,
        track: int | None = None,
        *,
        header_says_all: bool = False,
        decoders: tuple[str, ...] = DECODERS,
    ) -> None:
        """Without a `demuxer` FFmpeg looks for it; without a `track` it picks one, the default one where there is.

        `header_says_all`: FFmpeg need not look at samples to know the codec, which takes 3 ms of a WAV file.
        `decoders`: the only ones that may run.

        Raises MalformedAudio, NoSamples, or UnsupportedAudio for what is no audio or another codec.
        """
        self._data = data
        more = {"max_probe_packets": "1"} if header_says_all else {}
        self._container = _open(data, demuxer, {"codec_whitelist": ",".join(decoders), **more})
        try:
            self.stream = self._picked(track, decoders)
        except BaseException:
            self._container.close()
            raise
        codec = self.stream.codec_context
        self._losses = Losses(self.container, codec.name, _source(data), float(self.stream.time_base or 1))
        self.rate_hz = int(codec.sample_rate or 1)
        self.packets = 0
        self.bad_packets = 0

    @property
    def container(self) -> str:
        """FFmpeg's name, or several with commas."""
        return self._container.format.name

    @property
    def channels(self) -> int:
        return int(self.stream.codec_context.channels)

    @property
    def tracks(self) -> list[int]:
        """All audio tracks, this one first."""
        others = [nth for nth, one in enumerate(self._container.streams.audio) if one is not self.stream]
        return [self._container.streams.audio.index(self.stream), *others]

    @property
    def declared_s(self) -> float | None:
        """What a container with only this stream announces as its length; less than nothing is no length."""
        duration = self._container.duration or 0
        return duration / av.time_base if duration > 0 and len(self._container.streams) == 1 else None

    @property
    def exact_s(self) -> float | None:
        """The same where it is not estimated."""
        return self.declared_s if self.container in EXACT else None

    @property
    def lost_s(self) -> float:
        """Seconds before the end that could not be decoded, once all blocks have been read."""
        return self._losses.seconds()

    @property
    def lost_last_s(self) -> float:
        """Seconds at the end that could not be decoded."""
        return self._losses.last_s()

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[DecodedBlock]:
        """Raises InvalidSamples for NaN or infinite samples, MalformedAudio when much cannot be decoded."""
        waiting, at_once = _Frames(), self._frames_at_once
        try:
            for packet in self._packets():
                frames, samples, rate_hz = self._decode(packet), 0, self.rate_hz
                for frame in frames or ():
                    samples, rate_hz = samples + frame.samples, frame.sample_rate
                    yield from waiting.add(frame, rate_hz, at_once)
                if packet.size and frames is not None:
                    self._losses.good(packet, samples, rate_hz)
        except MalformedAudio:
            yield from waiting.blocks()
            raise
        yield from waiting.blocks()
        if self.bad_packets > max(1, self.packets * BAD_PACKET_SHARE):
            raise MalformedAudio(_DAMAGED)

    @property
    def _frames_at_once(self) -> int:
        """One of what still comes, and where a track is tried: the first sound of it decides."""
        return PIECE_FRAMES if _source(self._data) is not None and len(self.tracks) == 1 else 1

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """All packets: behind an error the demuxer goes on where it can."""
        errors = 0
        while errors < ERRORS_IN_A_ROW:
            try:
                for packet in self._container.demux():
                    errors = 0
                    if packet.stream.index == self.stream.index:
                        yield cast("Packet[AudioStream]", packet)
                    else:
                        self._losses.other(packet)
                return
            except IndexError:
                continue  # a packet of a stream that FFmpeg found only now and PyAV does not know: that was taken
            except (av.FFmpegError, ValueError) as error:
                _check_memory(error)
                errors += 1
                self._losses.bad(None)

    def _decode(self, packet: Packet[AudioStream]) -> list[AudioFrame] | None:
        """None of a damaged packet."""
        self.packets += 1
        try:
            return list(packet.decode())
        except (av.FFmpegError, ValueError) as error:
            _check_memory(error)
            self.bad_packets += 1
            self._losses.bad(packet)
            if self.bad_packets >= max(BAD_PACKETS_BEFORE_GIVING_UP, self.packets // 2):
                raise MalformedAudio(_DAMAGED) from error
            return None

    def _picked(self, track: int | None, decoders: tuple[str, ...]) -> AudioStream:
        name, streams = self._container.format.long_name, self._container.streams
        found = streams.best("audio") if track is None else streams.audio[track]
        if not isinstance(found, AudioStream):
            raise UnsupportedAudio(f"The file ({name}) has no audio in it. Send a file with an audio track.")
        codec = found.codec_context
        if codec is None or codec.name not in decoders:
            holds = "an unknown codec" if codec is None else codec.name
            raise UnsupportedAudio(f"The file ({name}) holds {holds}. Export it as PCM, FLAC, MP3, AAC or Opus.")
        codec.thread_count = 1
        return found


class _Frames:
    """Frames of one format that wait to become one block: of 20 ms each, calls would cost more than arithmetic."""

    def __init__(self) -> None:
        self._format: tuple[str, int, int] = ("", 0, 0)  # FFmpeg's name, channels, rate_hz
        self._waiting = AudioFifo()

    def add(self, frame: AudioFrame, rate_hz: int, at_once: int) -> Iterator[DecodedBlock]:
        """Raises InvalidSamples. The frame's time is lost."""
        form = (frame.format.name, frame.layout.nb_channels, rate_hz)
        if form != self._format:
            yield from self.blocks()
            self._format, self._waiting = form, AudioFifo()
        frame.pts = None  # times that jump are no reason to keep frames apart
        self._waiting.write(frame)
        if self._waiting.samples >= at_once:
            yield from self.blocks()

    def blocks(self) -> Iterator[DecodedBlock]:
        """What waits. Raises InvalidSamples."""
        if self._format[0] and (frame := self._waiting.read()) is not None:
            yield DecodedBlock(to_float(frame), self._format[2])


_DAMAGED = "The audio is damaged: much of it cannot be decoded. Export it again."


def _open(data: ByteSource | Arriving, demuxer: str | None, more: dict[str, str]) -> InputContainer:
    options = {
        **more,
        "protocol_whitelist": "none",
        "format_whitelist": ",".join(DEMUXERS),
        "max_streams": str(MAX_STREAMS),
    }
    try:
        return av.open(_file(data), mode="r", format=demuxer, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        _check_memory(error)
        raise _cause(error, _source(data), demuxer) from error


def _cause(error: Exception, data: ByteSource | None, demuxer: str | None) -> AudioError:
    """Why something cannot be opened; `data` is None while it still comes."""
    if isinstance(error, EOFError) or (isinstance(error, OSError) and error.errno == EIO):
        return NoSamples() if data is None else cut_or_empty(data)  # bytes have no other input error than their end
    if data is None:
        return MalformedAudio(f"The stream cannot be opened as {demuxer}. Check its encoding.")
    return refusal(data)


def _check_memory(error: Exception) -> None:
    """A lack of memory is no damage of the file's: what was decoded so far must not pass for all of it."""
    if isinstance(error, MemoryError):
        raise DecodingNeedsMemory from error


def _source(data: ByteSource | Arriving) -> ByteSource | None:
    return data if isinstance(data, bytes | mmap.mmap | ChunkedSource) else None


def _file(data: ByteSource | Arriving) -> io.BytesIO | Cursor | Arriving:
    return as_file(data) if isinstance(data, bytes | mmap.mmap | ChunkedSource) else data


def to_float(frame: AudioFrame) -> FloatArray:
    """(n, channels), full scale 1.0, whatever the sample format. Raises InvalidSamples."""
    kind, rows = frame.format.packed.name, _planes(frame, channels := frame.layout.nb_channels)
    frames = rows[0].reshape(-1, channels) if len(rows) == 1 else np.stack(rows, axis=1)
    if kind == "flt":  # Opus, AAC, MP3, Vorbis
        return checked(frames)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite and NaN samples are refused next
        floats = (frames.astype(np.float32) - (128.0 if kind == "u8" else 0.0)) / np.float32(_FULL_SCALE[kind])
    return checked(floats)


def _planes(frame: AudioFrame, channels: int) -> list[NDArray[Any]]:
    """As FFmpeg stores them: one (n,) for each channel, or one (n * channels,).

    Not `frame.to_ndarray()`: it counts planes up to a null pointer that FFmpeg only sets below 8 channels, and reads
    foreign memory from 8 planar channels on (seen with PyAV 18.1: Vorbis with 8 channels kills the process).
    """
    kind = frame.format.name
    if not kind.endswith("p"):
        return [_plane(frame, 0, _DTYPES[kind], frame.samples * channels)]
    return [_plane(frame, nth, _DTYPES[kind[:-1]], frame.samples) for nth in range(channels)]


def _plane(frame: AudioFrame, nth: int, dtype: type, count: int) -> NDArray[Any]:
    plane: Any = AudioPlane(frame, nth)
    return np.frombuffer(plane, dtype, count)
