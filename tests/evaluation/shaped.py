"""Small material for evaluation tests: sample voices in the shape of VoxCeleb1, runs with the fake encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from speakerid import samples
from speakerid.evaluation.begin import Wanted, start
from speakerid.evaluation.run import Run
from speakerid.settings import Settings


def voices(root: Path) -> Path:
    """id10001 to id10007: three enrollment utterances in one session, two probes in another."""
    for n, voice in enumerate(samples.voices().values(), 1):
        for k, file in enumerate((*voice.enroll, *voice.probes), 1):
            session = "aaaaaaaaaaa" if k <= 3 else "bbbbbbbbbbb"
            path = root / f"wav/id{10_000 + n}/{session}/{k:05d}.opus"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(file)
    return root


def write_trials(path: Path, speakers: int = 7) -> Path:
    """Every probe against the first enrollment utterance of everybody; named .wav, as the published lists are."""
    ids = [f"id{10_000 + n}" for n in range(1, speakers + 1)]
    lines = [
        f"{int(one == other)} {one}/aaaaaaaaaaa/00001.wav {other}/bbbbbbbbbbb/{k:05d}.wav\n"
        for one in ids
        for other in ids
        for k in (4, 5)
    ]
    path.write_text("".join(lines))
    return path


def write_split(path: Path, speakers: int = 7) -> Path:
    kinds = ("1", "1", "2", "3", "3")
    lines = [
        f"{kind} id{10_000 + n}/{'aaaaaaaaaaa' if k <= 3 else 'bbbbbbbbbbb'}/{k:05d}.wav\n"
        for n in range(1, speakers + 1)
        for k, kind in enumerate(kinds, 1)
    ]
    path.write_text("".join(lines))
    return path


def run(cache: Path, **options: Any) -> Run:
    wanted = replace(Wanted(Settings(encoder="fake"), cache=cache, resamples=20), **options)
    return start(wanted, lambda title: lambda done, total: None)
