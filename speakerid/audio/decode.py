"""The one path from audio to clean speech: bytes, or samples at any rate, to 16 kHz mono float32, to its speech."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import numpy as np
import soundfile

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.children import remote
from speakerid.audio.children.pool import AVAILABLE, Use
from speakerid.audio.conditioning import PIECE_FRAMES, Collector, checked, high_pass
from speakerid.audio.containers.formats import LINEAR
from speakerid.audio.containers.wav import is_plain_wav
from speakerid.audio.file_decoder import Announced, DecodedPiece, announced_here, decode_here
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.audio.samples import Samples, scaled, understood
from speakerid.errors import EmptyAudio, NoSamples, UnsupportedAudio
from speakerid.types import FloatArray, Span, Speech, Step

WINDOW_SAMPLES = SAMPLE_RATE_HZ * 3 // 2  # 1.5 s: with 2 s, second speakers of 2 s and less are found less often
HOP_SAMPLES = WINDOW_SAMPLES // 2
MOST = 12  # windows of one recording, 10 s at half overlap; longer speech is sampled with gaps
LONGEST = 20 * SAMPLE_RATE_HZ  # samples
PIECES = 4  # of 5 s: the first 20 s alone may be one mood, one distance or one sentence
FAINT = 2.0**-15  # a peak of one step of 16 bits: what is below is no speech, or was scaled wrongly


OnLost = Callable[[float], None]  # seconds of audio that the file held and that cannot be decoded


def unasked(lost_s: float) -> None:
    """Losses that no one asks for."""


def decode(
    data: ByteSource, *, limits: DecodeLimits | None = None, channel: Channel = "mix", lost: OnLost = unasked
) -> FloatArray:
    """(n,) float32 at 16 kHz, n > 0, finite, at the file's own level. Raises AudioError: a leaf a reason."""
    return _whole(_samples(_pieces(data, limits or DecodeLimits(), channel, "file"), lost))


def stream(
    data: ByteSource, *, limits: DecodeLimits, channel: Channel = "mix", lost: OnLost = unasked
) -> Iterator[FloatArray]:
    """What `decode` gives, in pieces (n,) of some seconds: memory does not grow with the recording.

    Raises AudioError; what is wrong with the end of a file is raised after its last piece.
    """
    return _samples(_pieces(data, limits, channel, "stream"), lost)


def read_announced(data: ByteSource, *, limits: DecodeLimits) -> Announced:
    """Channels and length as the file announces them, before decoding. Raises AudioError."""
    if not data:
        raise EmptyAudio
    if not AVAILABLE:
        return announced_here(data, limits)
    if is_plain_wav(data):
        with suppress(UnsupportedAudio):
            return announced_here(data, limits, LINEAR)
    return remote.announced(data, limits)


def _from_pair(pair: Samples, limits: DecodeLimits, channel: Channel) -> FloatArray:
    frames, rate_hz = understood(pair)
    limits.check_channels(frames.shape[1])
    limits.check_length(0.0, frames.size)
    collector = Collector(limits, channel)
    for start in range(0, len(frames), PIECE_FRAMES):
        collector.add(checked(scaled(frames[start : start + PIECE_FRAMES])), rate_hz)
    return _whole(checked(piece) for piece in collector.finish())


def _samples(pieces: Iterable[DecodedPiece], lost: OnLost) -> Iterator[FloatArray]:
    """(n,) each, n > 0."""
    for piece in pieces:
        if piece.lost_s:
            lost(piece.lost_s)
        if len(piece.samples):
            yield piece.samples


def _pieces(data: ByteSource, limits: DecodeLimits, channel: Channel, use: Use) -> Iterator[DecodedPiece]:
    if not data:
        raise EmptyAudio
    if not AVAILABLE:
        return decode_here(data, limits, channel)
    if is_plain_wav(data):
        return _plain_pieces(data, limits, channel, use)
    return remote.pieces(data, limits, channel, use)


def _plain_pieces(data: ByteSource, limits: DecodeLimits, channel: Channel, use: Use) -> Iterator[DecodedPiece]:
    """Of linear samples here. FFmpeg may see frames of a codec among them (S/PDIF): these are for another process."""
    try:
        yield from decode_here(data, limits, channel, LINEAR)
    except UnsupportedAudio:  # before any piece
        yield from remote.pieces(data, limits, channel, use)


def _whole(pieces: Iterable[FloatArray]) -> FloatArray:
    samples = [piece for piece in pieces if len(piece)]
    if not samples:
        raise NoSamples
    return np.concatenate(samples)


def as_wav(samples: Samples, limits: DecodeLimits | None = None, channel: Channel = "mix") -> bytes:
    """`(samples, rate in Hz)` as a mono float32 WAV at 16 kHz. Raises AudioError."""
    file, mono = BytesIO(), _from_pair(samples, limits or DecodeLimits(), channel)
    soundfile.write(file, mono, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    return file.getvalue()


class Vad(Protocol):
    def speech_segments(self, samples: FloatArray) -> tuple[Span, ...]: ...


@dataclass(frozen=True)
class CleanSpeech:
    """Speech without its pauses. Silence gives 0 samples and `speech.seconds` 0.0: services refuse it."""

    samples: FloatArray  # (n,) at 16 kHz: the speech parts joined, without DC and rumble, their level untouched
    speech: Speech
    segments: tuple[Span, ...]  # where in the decoded recording, in samples at 16 kHz
    lost_s: float = 0.0  # of audio that could not be decoded
    peak: float = 1.0  # of full scale, speech or not


def unused(samples: FloatArray) -> None:
    """Nothing but its speech is wanted of a recording."""


class Preparer:
    """Decodes audio and keeps its clean speech. Safe to share between threads."""

    def __init__(self, vad: Vad, limits: DecodeLimits | None = None, step: Step = nullcontext) -> None:
        self._vad = vad
        self._step = step
        self._limits = limits or DecodeLimits()

    def prepare(
        self, audio: bytes | Samples, *, channel: Channel = "mix", also: Callable[[FloatArray], None] = unused
    ) -> CleanSpeech:
        """Clean speech of `audio`: the bytes of a file, or (samples, rate in Hz). Raises AudioError.

        `also` gets what was decoded, `(n,)` at 16 kHz, for others who want to hear it.
        """
        lost: list[float] = []
        samples = self.decode(audio, channel=channel, lost=lost.append)
        also(samples)
        return self.clean(samples, lost_s=round(sum(lost, 0.0), 2))

    def decode(self, audio: bytes | Samples, *, channel: Channel = "mix", lost: OnLost = unasked) -> FloatArray:
        """(n,) float32 at 16 kHz with its pauses. Raises AudioError."""
        with self._step("decode"):
            if isinstance(audio, bytes):
                return decode(audio, limits=self._limits, channel=channel, lost=lost)
            return _from_pair(audio, self._limits, channel)

    def clean(self, samples: FloatArray, lost_s: float = 0.0) -> CleanSpeech:
        """Clean speech of `samples`: (n,) float32 at 16 kHz, finite, as decoded."""
        with self._step("speech"):
            filtered = high_pass(samples)
            peak = float(max(filtered.max(initial=0.0), -filtered.min(initial=0.0)))
            segments = self._vad.speech_segments(filtered) if peak > FAINT else ()
            parts = [filtered[start:end] for start, end in segments] or [np.zeros(0, np.float32)]
            measured = measure(filtered, segments, clipping_ratio(samples))
            return CleanSpeech(np.concatenate(parts), measured, segments, lost_s, peak)


def speech_windows(speech: FloatArray) -> list[FloatArray]:
    """Windows spread evenly over `speech (n,)` at 16 kHz; silent ones are left out, none when there is too little."""
    room = len(speech) - WINDOW_SAMPLES
    if room < 0:
        return []
    starts = np.linspace(0, room, min(1 + room // HOP_SAMPLES, MOST)).astype(int)
    windows = [speech[start : start + WINDOW_SAMPLES] for start in starts]
    return [window for window in windows if window.min() < window.max()]


def excerpt(speech: FloatArray) -> FloatArray:
    """`speech (n,)` at 16 kHz, or LONGEST samples of it where it is longer: pieces spread evenly, joined."""
    if len(speech) <= LONGEST:
        return speech
    size = LONGEST // PIECES
    starts = np.linspace(0, len(speech) - size, PIECES).astype(int)
    return np.concatenate([speech[start : start + size] for start in starts])
