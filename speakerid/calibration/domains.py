"""Labeled speech of several kinds, one domain each: what decisions are fitted on and measured on, each counting alike.

Two layouts: the folders of `--speech` (`speech_domains`), and anybody's own `--data` (`own_domains`).
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.speaker_tree import recordings, speaker_tree
from speakerid.errors import FileMissing
from speakerid.types import FloatArray

T = TypeVar("T")

MOST_DOMAINS = 20  # of one folder: more are speakers, and the folders below are sessions
MOST_SPEAKERS = 100
MOST_UTTERANCES = 400  # of one domain, alike for every speaker, but at least
LEAST_UTTERANCES = 4

Decode = Callable[[bytes], FloatArray]  # a file's bytes to (n,) at 16 kHz


@dataclass(frozen=True)
class DomainTake:
    """What one person said in a session: files that are joined."""

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


def speech_domains(root: Path) -> list[Domain]:
    """The folders of `--speech`. Raises FileMissing."""
    field, libri = root / "field", root / "librispeech"
    return [
        Domain("ocean", _single(field / "ocean")),
        Domain("sorbian", _single(field / "sorbian")),
        Domain("homes", _sessions(field / "homes", lambda file: file.stem), piece_s=6.0),
        Domain("calls", _joined(field / "calls", 3, lambda file: file.name.split("_")[0])),
        Domain("commands_ar", _joined(field / "commands_ar", 3)),
        Domain("librispeech-train", _single(libri / "train"), piece_s=4.0),
        Domain("emotion_pl", _sessions(field / "emotion_pl", lambda file: file.stem.split("_")[1]), test_only=True),
        Domain("fsdd", _digits(root / "fsdd"), test_only=True),
        Domain("librispeech-dev", _single(libri / "dev"), test_only=True),
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


def _single(folder: Path) -> tuple[DomainTake, ...]:
    return _sessions(folder, lambda file: "")


def _sessions(folder: Path, session: Callable[[Path], str]) -> tuple[DomainTake, ...]:
    tree = speaker_tree(folder)
    return tuple(DomainTake(speaker, session(file), (file,)) for speaker, files in tree.items() for file in files)


def _joined(folder: Path, count: int, session: Callable[[Path], str] = lambda file: "") -> tuple[DomainTake, ...]:
    """`count` files of one session each, in no order; the last of a session may have fewer."""
    grouped = defaultdict[tuple[str, str], list[Path]](list)
    for take in _sessions(folder, session):
        grouped[take.speaker, take.session] += take.files
    return tuple(
        DomainTake(speaker, name, tuple(part))
        for (speaker, name), files in grouped.items()
        for part in _in_groups(shuffled(files, lambda file: file.name), count)
    )


def _digits(folder: Path) -> tuple[DomainTake, ...]:
    """Files `DIGIT_SPEAKER_TAKE`; five digits of one take each."""
    grouped = defaultdict[tuple[str, str], list[Path]](list)
    for file in recordings(folder):
        _, speaker, session = file.stem.split("_")
        grouped[speaker, session].append(file)
    return tuple(
        DomainTake(speaker, session, tuple(part))
        for (speaker, session), files in grouped.items()
        for part in _in_groups(shuffled(files, lambda file: file.name), 5)
    )


def _in_groups(files: Sequence[Path], count: int) -> list[list[Path]]:
    return [list(files[start : start + count]) for start in range(0, len(files), count)]


def shuffled(items: Iterable[T], name: Callable[[T], str]) -> list[T]:
    """By a hash of their names: in no order that means anything, and the same everywhere."""
    return sorted(items, key=lambda item: (zlib.crc32(name(item).encode()), name(item)))
