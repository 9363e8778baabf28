"""Hear and see a recording whose audio is kept: stretches of it, one voice of it, and how loud it is where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.decode import stream
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import recordings
from speakerid.errors import InvalidRequest, NoSamples, RecordingAudioNotKept
from speakerid.names import quoted
from speakerid.services.engine import Engine
from speakerid.services.recordings import audio as stored_audio
from speakerid.services.recordings import results
from speakerid.types import FloatArray, Recording, RecordingPeaks, Span, Turn

MAX_CLIP_S = 600.0
BIN = SAMPLE_RATE_HZ // 50  # samples; twelve hours are two million of these
STEPS = 1_000  # a peak is 0 to 1 in so many steps: more cannot be seen


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end` in seconds; with a `voice`, only where it speaks, its longest turns first."""

    start: float = 0.0
    end: float = MAX_CLIP_S
    voice: str | None = None
    channel: Channel = "mix"
    most_s: float = MAX_CLIP_S  # of audio in the answer


def clip(engine: Engine, gallery: GalleryRow, recording_id: str, wanted: Stretch) -> bytes:
    """A mono WAV of 16 bits at 16 kHz. Raises RecordingNotFound, RecordingAudioNotKept, InvalidRequest, NoSamples."""
    data = _kept(engine, gallery, recording_id)
    spans, channel = _spans(engine, gallery, recording_id, wanted)
    parts = list(_cut(_pieces(engine, data, channel), spans))
    if not parts:
        raise NoSamples
    file = BytesIO()
    soundfile.write(file, np.concatenate(parts), SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def peaks(engine: Engine, gallery: GalleryRow, recording_id: str, points: int) -> RecordingPeaks:
    """The largest sample of each of `points` equally long parts, fewer where the recording is very short.

    Raises RecordingNotFound, RecordingAudioNotKept, AudioError.
    """
    data = _kept(engine, gallery, recording_id)
    rest, bins, samples = np.zeros(0, np.float32), list[FloatArray](), 0
    for piece in _pieces(engine, data, "mix"):
        samples += len(piece)
        together = np.abs(np.concatenate([rest, piece]))
        whole = len(together) // BIN * BIN
        bins.append(together[:whole].reshape(-1, BIN).max(axis=1))
        rest = together[whole:]
    if len(rest):
        bins.append(rest.max(keepdims=True))
    found = np.concatenate(bins) if bins else rest
    if not len(found):
        raise NoSamples
    starts = np.unique(np.linspace(0, len(found), points, endpoint=False).astype(int))
    loudest = np.minimum(np.maximum.reduceat(found, starts), 1.0)
    steps = np.ceil(loudest * STEPS) / STEPS  # what is not silent is seen
    return RecordingPeaks(seconds=round(samples / SAMPLE_RATE_HZ, 3), peaks=tuple(steps.tolist()))


def _kept(engine: Engine, gallery: GalleryRow, recording_id: str) -> ByteSource:
    """Raises RecordingNotFound, RecordingAudioNotKept."""
    with engine.read() as db:
        row = recordings.get(db, gallery.key, recording_id)
        if recordings.piece(db, row.key, 0) is None:
            raise RecordingAudioNotKept
    return stored_audio.stored(engine, row.key, row.size)


def _pieces(engine: Engine, data: ByteSource, channel: Channel) -> Iterator[FloatArray]:
    """Raises RecordingAudioNotKept, AudioError."""
    try:
        yield from stream(data, limits=engine.long_audio.limits, channel=channel)
    except stored_audio.AudioGone:
        raise RecordingAudioNotKept from None


def _spans(engine: Engine, gallery: GalleryRow, recording_id: str, wanted: Stretch) -> tuple[list[Span], Channel]:
    """In samples, by start; and the channel that the voice is on. Raises InvalidRequest, RecordingNotReady."""
    if wanted.voice is None:
        return [_samples(wanted.start, min(wanted.end, wanted.start + wanted.most_s))], wanted.channel
    with engine.read() as db:
        turns = _of_voice(results.timeline(db, gallery, recording_id), wanted.voice)
    channel: Channel = wanted.channel if turns[0].channel is None else turns[0].channel
    return sorted(_longest(turns, wanted)), channel


def _of_voice(recording: Recording, voice: str) -> list[Turn]:
    """Those where nobody else speaks, if there are any, the longest first. Raises InvalidRequest."""
    turns = [turn for turn in recording.turns if turn.voice == voice]
    if not turns:
        raise InvalidRequest(f"There is no voice {quoted(voice)} in this recording. Its result lists the voices.")
    alone = [turn for turn in turns if not turn.overlap]
    return sorted(alone or turns, key=lambda turn: turn.start - turn.end)


def _longest(turns: Sequence[Turn], wanted: Stretch) -> Iterator[Span]:
    left_s = wanted.most_s
    for turn in turns:
        start, end = max(turn.start, wanted.start), min(turn.end, wanted.end)
        if start < end and left_s > 0:
            yield _samples(start, min(end, start + left_s))
            left_s -= end - start


def _samples(start_s: float, end_s: float) -> Span:
    return round(start_s * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)


def _cut(pieces: Iterator[FloatArray], spans: Sequence[Span]) -> Iterator[FloatArray]:
    """What lies in `spans`, which are in order and apart; nothing behind the last is decoded."""
    at = 0
    for piece in pieces:
        for start, end in spans:
            part = piece[max(start - at, 0) : max(end - at, 0)]
            if len(part):
                yield part
        at += len(piece)
        if at >= spans[-1][1]:
            return
