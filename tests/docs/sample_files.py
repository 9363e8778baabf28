"""The files that README and docs name, made from the sample voices, where a page expects them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile

from recipes.sample_voices.recording import read
from speakerid import samples
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray
from tests.audio.encode import encode

SPEAKERS = 3  # of labeled recordings


def lay_out(folder: Path, command: Path) -> None:
    """A checkout as far as pages look at it, with `speakerid` in its environment, and the reader's own recordings."""
    (folder / "speakerid").mkdir()
    (folder / "speakerid" / "samples").symlink_to(Path(samples.__file__).parent)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "speakerid").symlink_to(command)
    (folder / ".venv" / "bin" / "activate").write_text('PATH="$PWD/.venv/bin:$PATH"\n', encoding="utf-8")
    (folder / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")  # an error becomes an exit code
    first, second = (read(voice.probes[0]) for voice in list(samples.voices().values())[:2])
    short = first[: 3 * SAMPLE_RATE_HZ]
    (folder / "meeting.m4a").write_bytes(_as("m4a-aac", np.concatenate([first, second]), 48_000))
    (folder / "talk.flac").write_bytes(_as("flac", short, SAMPLE_RATE_HZ))
    (folder / "talk.mkv").write_bytes(_as("webm-opus", short, 48_000))  # Matroska, as WebM is
    for name in ("who.wav", "probe.wav", "call.wav", "word.wav", "other.wav"):
        soundfile.write(folder / name, short, SAMPLE_RATE_HZ)
    write_labeled(folder / "words", ("yes", "no", "unknown"))
    write_labeled(folder / "moods", ("calm", "angry", "unknown"))
    write_labeled(folder / "LABELED", ("yes", "no", "unknown"), begun=SAMPLE_RATE_HZ // 10)
    _write_people(folder / "YOUR" / "SPEAKERS")
    _write_results(folder)


def write_labeled(folder: Path, labels: tuple[str, ...], begun: int = 0) -> None:
    """LABEL/SPEAKER/FILE: pieces of one sentence, `begun` samples on, are a label, three by each of three speakers."""
    for label, nth in zip(labels, range(3), strict=True):
        for name, voice in list(samples.voices().items())[:SPEAKERS]:
            at = folder / label / name
            at.mkdir(parents=True)
            spoken = read(voice.enroll[nth]).reshape(-1)[begun:][: 3 * SAMPLE_RATE_HZ]
            for take, piece in enumerate(np.split(spoken, 3)):
                soundfile.write(at / f"{take}.wav", piece, SAMPLE_RATE_HZ)


def _write_people(folder: Path) -> None:
    """A folder per speaker."""
    for name, voice in samples.voices().items():
        (folder / name).mkdir(parents=True)
        for path in (*voice.enroll, *voice.probes)[::2]:
            shutil.copy(path, folder / name)


def _write_results(folder: Path) -> None:
    """What other tools leave: scored trials, who spoke when and who was found."""
    (folder / "scores.txt").write_text("1 a b 0.9\n0 a c 0.1\n1 b d 0.8\n0 c d 0.2\n", encoding="utf-8")
    for name in ("ref", "out"):
        (folder / name).mkdir()
        turns = "SPEAKER meeting 1 0.0 5.0 <NA> <NA> Ada <NA> <NA>\nSPEAKER meeting 1 5.0 5.0 <NA> <NA> Ben <NA> <NA>\n"
        (folder / name / "meeting.rttm").write_text(turns, encoding="utf-8")


def _as(kind: str, voice: FloatArray, rate_hz: int) -> bytes:
    return encode(kind, voice, rate_hz, voice_hz=SAMPLE_RATE_HZ)
