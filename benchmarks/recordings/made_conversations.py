"""What measurements on made conversations share: their options, their people, a store that is gone afterwards."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recipes.simulation.conversations import Cast, cast_to_fit, cast_to_measure
from speakerid.verbs import SpeakerID


def options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--speech", type=Path, required=True, help="a folder with ami, librispeech and noise")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--fit", action="store_true", help="try constants, on speakers kept for that")
    return parser


@contextmanager
def people(chosen: argparse.Namespace) -> Iterator[tuple[SpeakerID, Cast]]:
    """An empty store, and the cast that the `options` ask for."""
    cast = cast_to_fit(chosen.speech) if chosen.fit else cast_to_measure(chosen.speech)
    with (
        tempfile.TemporaryDirectory() as folder,
        SpeakerID.open(Path(folder) / "voices.db", encoder=chosen.encoder) as sid,
    ):
        yield sid, cast


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
