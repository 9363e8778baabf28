"""Labeled speech of several kinds, one domain each, each counting alike; and its embeddings by encoders.

A file takes the product's own path to clean speech and is decoded once for all encoders.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from speakerid.audio.decode import Preparer, excerpt, speech_windows
from speakerid.audio.files import read_file, recordings, speaker_tree
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.calibration.labeled_domain import Indices, LabeledDomain
from speakerid.encoders.base import Encoder
from speakerid.encoders.concatenated import ConcatenatedEncoder
from speakerid.errors import AudioError, CalibrationMissing, FileMissing
from speakerid.types import FloatArray

T = TypeVar("T")
MOST_DOMAINS = 20  # of one folder: more are speakers, and the folders below are sessions
MOST_SPEAKERS = 100
MOST_UTTERANCES = 400  # of one domain, alike for every speaker, but at least
LEAST_UTTERANCES = 4
Decode = Callable[[bytes], FloatArray]  # a file's bytes to (n,) at 16 kHz
MIN_SPEECH_S = 1.0  # what a gallery asks for by default
WITH_WINDOWS = 150  # utterances of a domain whose windows are embedded too, alike for every speaker, but at least
LEAST_WITH_WINDOWS = 2
Progress = Callable[[int, int], None]  # speakers done, of how many
Bars = Callable[[str], Progress]  # one for each domain


@dataclass(frozen=True)
class DomainTake:
    """One utterance or several of a session: files that are joined."""

    speaker: str
    session: str  # a call, a day, an emotion; empty where every take is one of its own
    files: tuple[Path, ...]


@dataclass(frozen=True)
class DomainUtterance:
    speaker: str
    session: str
    samples: FloatArray  # (n,) at 16 kHz as recorded, with its pauses


@dataclass(frozen=True)
class Domain:
    name: str
    takes: tuple[DomainTake, ...]
    piece_s: float | None = None  # takes are cut into pieces of about this, where there are few of each speaker
    test_only: bool = False

    @property
    def speakers(self) -> list[str]:
        """Not more than MOST_SPEAKERS, and the same ones every time, in order of name."""
        return sorted(shuffled({take.speaker for take in self.takes}, str)[:MOST_SPEAKERS])

    @property
    def most_utterances(self) -> int:
        """Of each speaker."""
        return max(LEAST_UTTERANCES, MOST_UTTERANCES // len(self.speakers))

    def takes_of(self, speaker: str) -> list[DomainTake]:
        """In no order that means anything."""
        own = [take for take in self.takes if take.speaker == speaker]
        return shuffled(own, lambda take: f"{take.session}/{take.files[0].name}")[: self.most_utterances]

    def utterances(self, take: DomainTake, decode: Decode) -> list[DomainUtterance]:
        """Raises FileMissing, AudioError."""
        samples = np.concatenate([decode(read_file(file)) for file in take.files])
        count = round(len(samples) / SAMPLE_RATE_HZ / self.piece_s) if self.piece_s else 1
        return [
            DomainUtterance(take.speaker, take.session or f"{take.files[0].name}:{number}", piece)
            for number, piece in enumerate(np.array_split(samples, max(1, count)))
        ]


def own_domains(folders: Iterable[Path]) -> list[Domain]:
    """Each folder has one sub-folder per speaker, or one per domain with one per speaker inside. Raises FileMissing.

    Deeper folders are sessions: recordings of one place and day.
    """
    return [domain for folder in folders for domain in _own(folder)]


def _own(folder: Path) -> list[Domain]:
    inside = [one for one in sorted(folder.iterdir()) if one.is_dir()] if folder.is_dir() else []
    if not any(recordings(one) for one in inside):
        raise FileMissing(f"{str(folder)!r} has no sub-folders with audio files. Give a folder with one per speaker.")
    if any(_lies_directly_in(one) for one in inside):
        return [Domain(folder.resolve().name, _deep(folder))]
    found = [Domain(one.name, _deep(one)) for one in inside if recordings(one)]
    if len(found) > MOST_DOMAINS:
        raise FileMissing(
            f"The recordings of {str(folder)!r} lie two folders deep, in {len(found)} kinds of recordings at first "
            "sight. Give a folder with one sub-folder per speaker and audio files directly inside."
        )
    return found


def _lies_directly_in(folder: Path) -> bool:
    return any(file.parent == folder for file in recordings(folder))


def _deep(folder: Path) -> tuple[DomainTake, ...]:
    return tuple(
        DomainTake(
            speaker, str(inside) if (inside := file.relative_to(folder / speaker).parent) != Path() else "", (file,)
        )
        for speaker, files in speaker_tree(folder).items()
        for file in files
    )


def shuffled(items: Iterable[T], name: Callable[[T], str]) -> list[T]:
    """By a hash of their names: in no order that means anything, and the same everywhere."""
    return sorted(items, key=lambda item: (zlib.crc32(name(item).encode()), name(item)))


@dataclass(frozen=True)
class EmbeddedDomain:
    """One domain, through each encoder."""

    labeled: tuple[LabeledDomain, ...]
    too_short: int  # utterances with less than a second of speech
    unreadable: int  # recordings


@dataclass(frozen=True)
class _Spoken:
    utterance: DomainUtterance
    speech: FloatArray  # (n,) at 16 kHz, without pauses
    windows: list[FloatArray]


@dataclass
class _DomainReader:
    """Utterances with enough speech; counts what it leaves out."""

    domain: Domain
    too_short: int = 0
    unreadable: int = 0
    _preparer: Preparer = field(default_factory=lambda: Preparer(SileroVad()))

    def spoken(self, speaker: str) -> Iterator[_Spoken]:
        windowed = max(LEAST_WITH_WINDOWS, WITH_WINDOWS // len(self.domain.speakers))
        utterances = islice(self._utterances(speaker), self.domain.most_utterances)
        for number, (utterance, speech) in enumerate(self._long_enough(utterances)):
            yield _Spoken(utterance, speech, speech_windows(speech) if number < windowed else [])

    def _utterances(self, speaker: str) -> Iterator[DomainUtterance]:
        for take in self.domain.takes_of(speaker):
            try:
                yield from self.domain.utterances(take, self._preparer.decode)
            except (AudioError, FileMissing):
                self.unreadable += 1

    def _long_enough(self, utterances: Iterator[DomainUtterance]) -> Iterator[tuple[DomainUtterance, FloatArray]]:
        for one in utterances:
            clean = self._preparer.clean(one.samples)
            if clean.speech.seconds >= MIN_SPEECH_S:
                yield one, clean.samples
            else:
                self.too_short += 1


@dataclass
class _Rows:
    """What one encoder makes of a domain."""

    encoder: Encoder
    embeddings: list[FloatArray] = field(default_factory=list)
    windows: dict[int, FloatArray] = field(default_factory=dict)

    def add(self, spoken: _Spoken) -> None:
        if len(spoken.windows) > 1:
            self.windows[len(self.embeddings)] = self.encoder.embed(spoken.windows)
        self.embeddings.append(self.encoder.embed([excerpt(spoken.speech)])[0])


def embed_domain(domain: Domain, encoders: Sequence[Encoder], progress: Progress) -> EmbeddedDomain:
    """Raises CalibrationMissing for no speech, EncoderFailed."""
    bases = {base.fingerprint: _Rows(base) for encoder in encoders for base in _bases(encoder)}
    reader, kept, seconds = _DomainReader(domain), list[DomainUtterance](), list[float]()
    for done, speaker in enumerate(domain.speakers):
        progress(done, len(domain.speakers))
        for spoken in reader.spoken(speaker):
            kept.append(spoken.utterance)
            seconds.append(len(spoken.speech) / SAMPLE_RATE_HZ)
            for rows in bases.values():
                rows.add(spoken)
    progress(len(domain.speakers), len(domain.speakers))
    if not kept:
        raise CalibrationMissing(f"No recording in {domain.name!r} has a second of speech. Give longer ones.")
    labels = (
        _numbers([one.speaker for one in kept]),
        _numbers([f"{one.speaker}/{one.session}" for one in kept]),
        np.array(seconds),
    )
    made = [_of(encoder, bases) for encoder in encoders]
    labeled = tuple(LabeledDomain(domain.name, np.stack(rows.embeddings), *labels, rows.windows) for rows in made)
    return EmbeddedDomain(labeled, reader.too_short, reader.unreadable)


def _bases(encoder: Encoder) -> list[Encoder]:
    """What runs: several encoders as one share their parts with others."""
    return [part.encoder for part in encoder.parts] if isinstance(encoder, ConcatenatedEncoder) else [encoder]


def _of(encoder: Encoder, bases: dict[str, _Rows]) -> _Rows:
    if not isinstance(encoder, ConcatenatedEncoder):
        return bases[encoder.fingerprint]
    parts = [bases[part.encoder.fingerprint] for part in encoder.parts]
    embeddings = encoder.join([np.stack(rows.embeddings) for rows in parts])
    windows = {at: encoder.join([rows.windows[at] for rows in parts]) for at in parts[0].windows}
    return _Rows(encoder, list(embeddings), windows)


def _numbers(names: Sequence[str]) -> Indices:
    """(n,): equal numbers for equal names."""
    return np.unique(names, return_inverse=True)[1].astype(np.intp)
