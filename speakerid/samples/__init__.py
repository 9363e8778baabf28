"""Sample voices for the demo and the tests: synthetic speech, described in README.md beside this file."""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class SampleVoice:
    """The utterances of one person: three to enroll, 6 to 8 s each, and two to probe with, 5 to 6 s each."""

    enroll: tuple[Path, ...]
    probes: tuple[Path, ...]


def voices() -> dict[str, SampleVoice]:
    """Every voice meant to be enrolled, by name, in alphabetical order."""
    return {folder.name: _voice(folder) for folder in sorted((_HERE / "voices").iterdir()) if folder.is_dir()}


def stranger() -> tuple[Path, ...]:
    """Probes of a person who is not one of `voices()`."""
    return _files(_HERE / "stranger", "probe")


def silence() -> Path:
    """Three seconds of faint microphone noise without speech."""
    return _HERE / "silence.flac"


def _voice(folder: Path) -> SampleVoice:
    return SampleVoice(enroll=_files(folder, "enroll"), probes=_files(folder, "probe"))


def _files(folder: Path, kind: str) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob(f"{kind}-*.opus")))
