"""A file to 16 kHz mono, in pieces: each of its recordings, of each the track with sound, and what of them was lost."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.conditioning import PIECE_FRAMES, Collector, checked
from speakerid.audio.containers.formats import DECODERS
from speakerid.audio.containers.header import ContainerHeader, read_header, wav_header
from speakerid.audio.containers.joined import bare, recordings
from speakerid.audio.containers.wav import WavForm, is_wav, wav_forms
from speakerid.audio.limits import Channel, DecodeLimits, check_not_cancelled, check_recordings
from speakerid.audio.linear_reader import LinearReader, linear_reader
from speakerid.audio.reader import AudioReader, DecodedBlock
from speakerid.errors import AudioError, MalformedAudio, NoSamples, TruncatedAudio, UnsupportedAudio
from speakerid.types import FloatArray

SILENT = 1e-4  # a peak of -80 dBFS: no one speaks there
SILENT_S = 600.0  # of a track before it is taken although others follow: an upload is not longer
LEAST_LOST_S = 0.1  # a damaged frame or two is nothing that anybody would send again for
_UNREADABLE = (MalformedAudio, NoSamples, UnsupportedAudio)
NOTHING = np.zeros(0, np.float32)
Decoders = tuple[str, ...]  # names of FFmpeg's
Reader = AudioReader | LinearReader


@dataclass(frozen=True)
class DecodedPiece:
    """Samples (n,) at 16 kHz. `skipped_s`: decoded and left out; `lost_s`: not decodable, before these samples."""

    samples: FloatArray
    skipped_s: float = 0.0
    lost_s: float = 0.0


@dataclass(frozen=True)
class Announced:
    channels: int
    seconds: float | None


@dataclass(frozen=True)
class _Recording:
    """One of those in a file, as FFmpeg gets it."""

    data: ByteSource
    file: ByteSource  # it lies in, where `form` says
    form: WavForm | None  # of WAV
    is_last: bool
    decoders: Decoders

    def open(self, track: int | None = None) -> Reader:
        if self.form is None:
            return AudioReader(self.data, None, track, decoders=self.decoders)
        if (linear := linear_reader(self.file, self.form)) is not None:
            return linear
        is_linear = self.form.linear is not None
        return AudioReader(self.data, self.form.demuxer, track, header_says_all=is_linear, decoders=self.decoders)

    def header(self, reader: Reader) -> ContainerHeader:
        try:
            return read_header(self.data, reader.container, reader.exact_s)
        except TruncatedAudio:
            if self.is_last:
                raise
            return ContainerHeader()


def announced_here(data: ByteSource, limits: DecodeLimits, decoders: Decoders = DECODERS) -> Announced:
    """Channels and length as the file announces them, before decoding. Raises AudioError."""
    found = _recordings(data, decoders)
    with found[0].open() as reader:
        limits.check_channels(reader.channels)
        limits.check_length(reader.exact_s or 0.0)
        return Announced(reader.channels, reader.declared_s if len(found) == 1 else None)


def decode_here(
    data: ByteSource, limits: DecodeLimits, channel: Channel, decoders: Decoders = DECODERS
) -> Iterator[DecodedPiece]:
    """In this process, with no other than these `decoders` of FFmpeg's. Raises AudioError."""
    return _FileDecoder(limits, channel).pieces(_recordings(data, decoders))


def _recordings(data: ByteSource, decoders: Decoders) -> list[_Recording]:
    """Raises NoSamples, MalformedAudio for too many, ClientGone."""
    file = bare(data)
    if not file:
        raise NoSamples
    forms = wav_forms(file) if is_wav(file) else []
    sounding = [form for form in forms if form.size] or forms[:1]
    parts = [(form.source(file), form) for form in sounding] if forms else [(one, None) for one in _counted(file)]
    return [_Recording(part, file, form, nth == len(parts), decoders) for nth, (part, form) in enumerate(parts, 1)]


def _counted(file: ByteSource) -> Iterator[ByteSource]:
    for nth, one in enumerate(recordings(file), 1):
        check_recordings(nth)
        yield one


class _Silence:
    """The silent beginning of a track: how long it is in each format, not its samples."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, int, int]] = []  # frames, channels, rate_hz
        self.seconds = 0.0
        self.reported_s = 0.0

    def takes(self, block: DecodedBlock) -> bool:
        """Whether `block` is silence, too."""
        if self.seconds > SILENT_S or np.abs(block.frames).max(initial=0.0) > SILENT:
            return False
        count, channels = block.frames.shape
        if self._runs and self._runs[-1][1:] == (channels, block.rate_hz):
            count += self._runs.pop()[0]
        self._runs.append((count, channels, block.rate_hz))
        self.seconds += len(block.frames) / block.rate_hz
        return True

    def news_s(self) -> float:
        """Seconds since the last news, at least one of them; else 0.0."""
        new_s = self.seconds - self.reported_s
        if new_s < 1.0:
            return 0.0
        self.reported_s = self.seconds
        return new_s

    def blocks(self) -> Iterator[DecodedBlock]:
        """The silence itself; it can be taken once."""
        runs, self._runs, self.seconds = self._runs, [], 0.0
        for frames, channels, rate_hz in runs:
            for start in range(0, frames, PIECE_FRAMES):
                size = min(PIECE_FRAMES, frames - start)
                yield DecodedBlock(np.zeros((size, channels), np.float32), rate_hz)


class _FileDecoder:
    def __init__(self, limits: DecodeLimits, channel: Channel) -> None:
        self._limits = limits
        self._collector = Collector(limits, channel)
        self._bytes = 0  # of the recordings that were read

    def pieces(self, found: list[_Recording]) -> Iterator[DecodedPiece]:
        """Raises AudioError, ClientGone."""
        for one in found:
            check_not_cancelled()
            before_s = self._collector.seconds
            try:
                lost_s = yield from self._recording(one)
            except _UNREADABLE as error:
                lost_s = self._unreadable(one, error, self._collector.seconds - before_s)
            self._bytes += len(one.data)
            if lost_s > LEAST_LOST_S:
                yield DecodedPiece(NOTHING, lost_s=lost_s)
        for piece in self._collector.finish():
            yield DecodedPiece(checked(piece))

    def _unreadable(self, one: _Recording, error: AudioError, found_s: float) -> float:
        """Seconds of a recording that cannot be read, by its bytes. Raises `error` where it is not behind others."""
        if self._collector.seconds - found_s <= 0.0:
            raise error
        per_byte_s = (self._collector.seconds - found_s) / max(self._bytes, 1)
        return 0.0 if isinstance(error, NoSamples) else max(0.0, len(one.data) * per_byte_s - found_s)

    def _recording(self, one: _Recording) -> Generator[DecodedPiece, None, float]:
        """Gives seconds that were lost. Raises AudioError."""
        before_s = self._collector.seconds
        known = wav_header(one.form, self._limits) if one.form is not None else None
        with one.open() as reader:
            header = known or one.header(reader)
            self._limits.check_channels(reader.channels)
            self._limits.check_length(header.seconds or 0.0, (header.seconds or 0.0) * reader.rate_hz * reader.channels)
            lost_s, last_s = yield from self._tracks(one, reader)
        found_s = self._collector.seconds - before_s
        if not found_s and not reader.bad_packets:
            raise NoSamples
        lost_s = min(lost_s, header.most_missing_s(found_s), self._limits.max_seconds)
        missing_s = header.missing_s(found_s + lost_s)
        if missing_s and one.is_last and (lost_s <= LEAST_LOST_S or missing_s > found_s + lost_s):
            raise TruncatedAudio(found_s, header.seconds)
        if not found_s:
            raise MalformedAudio("The file holds no audio that can be decoded. Export it again.")
        return lost_s + max(missing_s, last_s)

    def _tracks(self, one: _Recording, reader: Reader) -> Generator[DecodedPiece, None, tuple[float, float]]:
        """The first track with sound, or the silence of the first one. Gives what it lost before its end, and there."""
        if len(reader.tracks) == 1:
            yield from self._collected(reader)
            return reader.lost_s, reader.lost_last_s
        silence = _Silence()
        if (yield from self._from_first_sound(reader, silence)):
            return reader.lost_s, reader.lost_last_s
        for track in reader.tracks[1:]:
            with one.open(track) as other:
                if (yield from self._from_first_sound(other, _Silence())):
                    return other.lost_s, other.lost_last_s
        yield from self._collected(silence.blocks())
        return reader.lost_s, reader.lost_last_s

    def _from_first_sound(self, reader: Reader, silence: _Silence) -> Generator[DecodedPiece, None, bool]:
        """Takes a track where it has any sound: whether it has."""
        blocks = iter(reader)
        for block in blocks:
            if not silence.takes(block):
                yield from self._collected(chain(silence.blocks(), [block], blocks))
                return True
            if skipped_s := silence.news_s():
                yield DecodedPiece(NOTHING, skipped_s=skipped_s)
        return False

    def _collected(self, blocks: Iterable[DecodedBlock]) -> Iterator[DecodedPiece]:
        for block in blocks:
            self._collector.add(block.frames, block.rate_hz)
            for piece in self._collector.drain():
                yield DecodedPiece(checked(piece))
