"""Rebuilds the sample voices: `python -m recipes.sample_voices --out DIR`."""

from __future__ import annotations

import argparse
import tempfile
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recipes.sample_voices.engines import EngineError, SynthesizedSpeaker, speak
from recipes.sample_voices.recording import (
    SILENCE_LEVEL_DB,
    draw_room,
    microphone_noise,
    read,
    record,
    write_flac,
    write_opus,
)
from speakerid.audio.limits import SAMPLE_RATE_HZ

SEED = 20_260
SILENCE_S = 3.0
SCRIPT = Path(__file__).with_name("script.toml")


@dataclass(frozen=True)
class ScriptLine:
    """One sentence and the file, relative to the output folder, that will hold it."""

    speaker: SynthesizedSpeaker
    text: str
    file: str


def lines(script: Path = SCRIPT) -> Iterator[ScriptLine]:
    """Every sentence of the script, the stranger's and the commands last."""
    table = tomllib.loads(script.read_text(encoding="utf-8"))
    for voice in table["voice"]:
        yield from _numbered(voice, f"voices/{voice['name']}")
    yield from _numbered(table["stranger"], "stranger")
    for label, text in table["commands"]["words"].items():
        yield ScriptLine(_speaker(table["commands"]), text, f"commands/{label}.opus")


def build(out: Path) -> None:
    """Writes every file under `out`; each has its own room, drawn from a seed fixed by its name."""
    for line in lines():
        _build_line(line, out / line.file)
    noise = microphone_noise(round(SILENCE_S * SAMPLE_RATE_HZ), SILENCE_LEVEL_DB, _rng("silence.flac"))
    write_flac(out / "silence.flac", noise)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m recipes.sample_voices", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the files to")
    try:
        build(parser.parse_args(arguments).out)
    except EngineError as error:
        parser.exit(1, f"error: {error}\n")


def _numbered(voice: dict[str, Any], folder: str) -> Iterator[ScriptLine]:
    for kind, key in (("enroll", "enroll"), ("probe", "probes")):
        for number, text in enumerate(voice.get(key, ()), start=1):
            yield ScriptLine(_speaker(voice), text, f"{folder}/{kind}-{number}.opus")


def _speaker(voice: dict[str, Any]) -> SynthesizedSpeaker:
    return SynthesizedSpeaker(**{key: voice[key] for key in ("name", "engine", "voice", "package", "encoding")})


def _build_line(line: ScriptLine, path: Path) -> None:
    rng = _rng(line.file)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        speak(line.speaker, line.text, wav)
        speech = read(wav)
    write_opus(path, record(speech, draw_room(rng), rng))


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


if __name__ == "__main__":
    main()
