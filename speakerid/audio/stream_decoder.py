"""Audio that comes message by message: raw samples, Opus packets, or the bytes of one WebM or Ogg stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np
import soxr

from speakerid.audio.children import remote
from speakerid.audio.children.pool import AVAILABLE
from speakerid.audio.conditioning import mean
from speakerid.audio.containers.signatures import HEAD_BYTES, live_container
from speakerid.audio.limits import SAMPLE_RATE_HZ, check_rate
from speakerid.audio.reader import AudioReader, DecodedBlock, to_float
from speakerid.errors import MalformedAudio, StreamTooLong, UnsupportedAudio
from speakerid.types import FloatArray

Encoding = Literal["pcm_s16le", "opus", "webm", "ogg"]
OPUS_HZ = 48_000  # what Opus always decodes to
OPUS_CHANNELS = 2  # more need a mapping that single packets do not carry
BAD_PACKETS = 50  # in a row: a few are lost or damaged on the way
MAX_UNDECODED_BYTES = 4 * 1024 * 1024  # of a WebM or Ogg stream without any audio
FULL_SCALE = np.float32(32_768.0)
_UNREAD = {
    "MP4": "The bytes are fragmented MP4, which Safari's MediaRecorder makes and live streams do not read. Send "
    "samples as pcm_s16le, from an AudioWorklet for example, or record as 'audio/webm;codecs=opus' where the browser "
    "can.",
    "WAV": "The bytes are a WAV file. Send its samples alone, without the header, as pcm_s16le.",
}
_HEADERLESS = (
    "The stream does not begin as {} does. A MediaRecorder writes the header into its first chunk only: send every "
    "chunk from the first on, and start a new recorder for each stream."
)
_DEMUXERS = {"webm": "matroska", "ogg": "ogg"}
_CONTAINERS = {"webm": "WebM", "ogg": "Ogg"}
_ENCODINGS = {name: encoding for encoding, name in _CONTAINERS.items()}


@dataclass(frozen=True)
class StreamFormat:
    """How the messages are to be read. `webm` and `ogg` declare their own rate and channels."""

    encoding: Encoding = "pcm_s16le"
    sample_rate_hz: int = SAMPLE_RATE_HZ
    channels: int = 1

    def check(self) -> None:
        """Raises UnsupportedAudio."""
        check_rate(self.sample_rate_hz)
        if self.encoding == "opus" and self.channels > OPUS_CHANNELS:
            raise UnsupportedAudio(f"Opus packets have 1 or {OPUS_CHANNELS} channels, not {self.channels}.")


def decoded(messages: Iterable[bytes], incoming: StreamFormat, max_seconds: float) -> Iterator[FloatArray]:
    """(n,) float32 at 16 kHz, the mean of all channels; what comes out does not depend on how messages are cut.

    Raises AudioError, StreamTooLong after `max_seconds`.
    """
    messages = _as_declared(messages, incoming.encoding)
    if AVAILABLE and incoming.encoding in ("webm", "ogg"):
        return remote.live(messages, incoming.encoding, max_seconds)
    return decoded_here(messages, incoming, max_seconds)


def _as_declared(messages: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The same messages. Raises MalformedAudio where the first show that they are something else than was declared.

    Of a container the first bytes are held back until they are enough to tell, of samples and packets never.
    """
    head, held = b"", list[bytes]()
    for message in messages:
        held.append(message)
        if len(head) < HEAD_BYTES:
            head += message[:HEAD_BYTES]
            _check(head, encoding)
        if encoding not in _CONTAINERS or len(head) >= HEAD_BYTES:
            yield from held
            held.clear()
    yield from held


def _check(head: bytes, encoding: Encoding) -> None:
    """Raises MalformedAudio. What is too short to tell passes."""
    found = live_container(head)
    if found in _UNREAD:
        raise MalformedAudio(_UNREAD[found])
    if found is not None and found not in _ENCODINGS:
        raise MalformedAudio(f"The bytes are {found}, which live streams do not read. Send WebM or Ogg, or samples.")
    if found is not None and _ENCODINGS[found] != encoding:
        raise MalformedAudio(
            f'The bytes are {found}, and the first message says {encoding}. Say "encoding": "{_ENCODINGS[found]}".'
        )
    if found is None and len(head) >= HEAD_BYTES and encoding in _CONTAINERS:
        raise MalformedAudio(_HEADERLESS.format(_CONTAINERS[encoding]))


def decoded_here(messages: Iterable[bytes], incoming: StreamFormat, max_seconds: float) -> Iterator[FloatArray]:
    """The same, in this process."""
    resampler, shape, seconds = None, (0, 0), 0.0
    for block in _blocks(messages, incoming):
        seconds += len(block.frames) / block.rate_hz
        if seconds > max_seconds:
            raise StreamTooLong(max_seconds)
        if shape != (block.rate_hz, block.frames.shape[1]):
            yield from _rest(resampler)
            shape = (block.rate_hz, block.frames.shape[1])
            resampler = _resampler(block.rate_hz)
        mixed = mean(block.frames)
        yield (mixed if resampler is None else resampler.resample_chunk(mixed))[:, 0]
    yield from _rest(resampler)


def _resampler(rate_hz: int) -> soxr.ResampleStream | None:
    check_rate(rate_hz)
    return None if rate_hz == SAMPLE_RATE_HZ else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")


def _rest(resampler: soxr.ResampleStream | None) -> Iterator[FloatArray]:
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros((0, 1), np.float32), last=True)[:, 0]


def _blocks(messages: Iterable[bytes], incoming: StreamFormat) -> Iterator[DecodedBlock]:
    if incoming.encoding == "pcm_s16le":
        return _pcm(messages, incoming)
    if incoming.encoding == "opus":
        return _opus(messages, incoming.channels)
    return _contained(messages, _DEMUXERS[incoming.encoding])


def _pcm(messages: Iterable[bytes], incoming: StreamFormat) -> Iterator[DecodedBlock]:
    for message in messages:
        if len(message) % (2 * incoming.channels):
            raise MalformedAudio(
                f"A message of {len(message)} bytes does not hold whole samples: 16 bits for each of "
                f"{incoming.channels} channels. Send whole samples."
            )
        frames = np.frombuffer(message, "<i2").reshape(-1, incoming.channels)
        yield DecodedBlock(frames.astype(np.float32) / FULL_SCALE, incoming.sample_rate_hz)


def _opus(messages: Iterable[bytes], channels: int) -> Iterator[DecodedBlock]:
    """A packet a message."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.thread_count = OPUS_HZ, 1
    decoder.layout = "mono" if channels == 1 else "stereo"
    bad = 0
    for message in messages:
        if not message:
            continue  # FFmpeg would take it for the end
        try:
            frames = decoder.decode(av.Packet(message))
            bad = 0
        except (av.FFmpegError, ValueError) as error:
            frames, bad = [], bad + 1
            if bad == BAD_PACKETS:
                raise MalformedAudio("The messages are no Opus packets. Send one packet a message.") from error
        for frame in frames:
            yield DecodedBlock(to_float(frame), frame.sample_rate)


def _contained(messages: Iterable[bytes], demuxer: str) -> Iterator[DecodedBlock]:
    arriving = _Arriving(messages)
    with AudioReader(arriving, demuxer) as reader:
        for block in reader:
            arriving.undecoded = 0
            yield block


class _Arriving:
    """Messages as one stream of bytes. Raises MalformedAudio when many come without any audio."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self._messages = iter(messages)
        self._left = b""
        self.undecoded = 0

    def read(self, size: int) -> bytes:
        while not self._left:
            message = next(self._messages, None)
            if message is None:
                return b""
            self._left = message
        piece, self._left = self._left[:size], self._left[size:]
        self.undecoded += len(piece)
        if self.undecoded > MAX_UNDECODED_BYTES:
            raise MalformedAudio(f"{MAX_UNDECODED_BYTES} bytes came without any audio in them. Check the encoding.")
        return piece
