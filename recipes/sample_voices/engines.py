"""The speech engines, each a function from (voice, text) to a WAV file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class EngineError(Exception):
    """An engine or one of its voices is not installed, or it produced no speech."""


@dataclass(frozen=True)
class SynthesizedSpeaker:
    """A voice of an engine and what to install to have it."""

    name: str
    engine: str
    voice: str
    package: str
    encoding: str


def speak(speaker: SynthesizedSpeaker, text: str, wav: Path) -> None:
    """Writes `text` spoken by `speaker` to `wav`; EngineError names the Debian package that is missing."""
    program, arguments = _ENGINES[speaker.engine]
    _require(program, speaker)
    source = wav.with_suffix(".txt")
    source.write_bytes(text.encode(speaker.encoding))
    done = subprocess.run([program, *arguments(speaker.voice, source, wav)], capture_output=True, check=False)
    if done.returncode or not wav.is_file() or wav.stat().st_size <= _WAV_HEADER_BYTES:
        reason = done.stderr.decode(errors="replace").strip()
        raise EngineError(f"{speaker.name}: no speech; apt-get install {speaker.package} ({reason})")


def _require(program: str, speaker: SynthesizedSpeaker) -> None:
    """flite speaks with its default voice when it lacks the one asked for, so its list is read first."""
    if shutil.which(program) is None:
        raise EngineError(f"{program} not found: apt-get install {speaker.engine}")
    if speaker.engine == "flite" and speaker.voice not in _flite_voices():
        raise EngineError(f"{speaker.name}: flite has no voice {speaker.voice}; apt-get install {speaker.package}")


def _flite_voices() -> list[str]:
    done = subprocess.run(["flite", "-lv"], capture_output=True, check=False, text=True)
    return done.stdout.partition(":")[2].split()


def _flite(voice: str, source: Path, wav: Path) -> list[str]:
    return ["-voice", voice, "-f", str(source), "-o", str(wav)]


def _festival(voice: str, source: Path, wav: Path) -> list[str]:
    return ["-eval", f"(voice_{voice})", str(source), "-o", str(wav)]


_WAV_HEADER_BYTES = 44
_ENGINES: dict[str, tuple[str, Callable[[str, Path, Path], list[str]]]] = {
    "flite": ("flite", _flite),
    "festival": ("text2wave", _festival),
}
