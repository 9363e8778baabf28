"""The folder of `--speech` as domains: kinds of recordings that what ships is fitted on and measured on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from speakerid.audio.files import recordings, speaker_tree
from speakerid.calibration.domains import Domain, DomainTake, shuffled


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
