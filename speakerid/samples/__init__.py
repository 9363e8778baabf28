"""Sample speakers for the demo and the tests: synthetic speech, described in README.md beside this file."""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class SampleVoice:
    """The utterances of one person: three to enroll, 6 to 8 s each, and two to probe with, 5 to 6 s each."""

    enroll: tuple[Path, ...]
    probes: tuple[Path, ...]


@dataclass(frozen=True)
class ConversationLine:
    """A file and its speaker; None for the stranger."""

    speaker: str | None
    file: Path


def voices() -> dict[str, SampleVoice]:
    """Every speaker meant to be enrolled, by name, in alphabetical order."""
    return {folder.name: _voice(folder) for folder in sorted((_HERE / "voices").iterdir()) if folder.is_dir()}


def stranger() -> tuple[Path, ...]:
    """Probes of a person who is not one of `voices()`."""
    return _files(_HERE / "stranger", "probe")


def commands() -> dict[str, Path]:
    """Words that the classifier `wake-words` knows, by label: a synthetic voice says them."""
    return {file.stem: file for file in sorted((_HERE / "commands").glob("*.opus"))}


def conversation() -> list[ConversationLine]:
    """Probes of two enrolled speakers and the stranger, one after another."""
    first, second = list(voices().items())[:2]
    known = [[ConversationLine(name, file) for file in voice.probes] for name, voice in (first, second)]
    strange = [ConversationLine(None, file) for file in stranger()]
    return [known[0][0], known[1][0], strange[0], known[0][1], strange[1], known[1][1]]


def silence() -> Path:
    """Three seconds of faint microphone noise without speech."""
    return _HERE / "silence.flac"


def _voice(folder: Path) -> SampleVoice:
    return SampleVoice(enroll=_files(folder, "enroll"), probes=_files(folder, "probe"))


def _files(folder: Path, kind: str) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob(f"{kind}-*.opus")))
