"""What `from speakerid import …` offers, pinned."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

import speakerid
from speakerid import SpeakerID

VERBS = ["SpeakerID", "load_encoder", "to_json"]
ANSWERS = [
    *("Audit", "CalibrationReport", "Change", "Classification", "ClassifierDetails", "Embedding", "Enrollment"),
    *(
        "Gallery",
        "GalleryExport",
        "GalleryImport",
        "Reembedding",
        "Identification",
        "Promotion",
        "Recording",
        "Repair",
        "Speaker",
        "UnknownVoice",
    ),
    *("UnknownVoiceDetails", "Verification"),
]
EVENTS = ["Enough", "LiveTurn", "Ready", "SpottedWord", "StreamDone"]
PARTS = ["Candidate", "LabelScore", "SpeakerRef", "Speech", "Turn", "Utterance"]


def test_the_public_names_are_these() -> None:
    assert sorted(speakerid.__all__) == sorted([*VERBS, *ANSWERS, *EVENTS, *PARTS, "SpeakeridError"])


@pytest.mark.parametrize("name", speakerid.__all__)
def test_each_can_be_imported(name: str) -> None:
    assert getattr(speakerid, name).__name__ == name


def test_nothing_else_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Anything'"):
        speakerid.Anything  # noqa: B018  # the access is what is tested


def test_every_verb_answers_with_public_names() -> None:
    verbs = [verb for name in dir(SpeakerID) if callable(verb := getattr(SpeakerID, name)) and not name.startswith("_")]
    answers = {one.__name__ for verb in verbs for one in _dataclasses(get_type_hints(verb)["return"])}
    assert answers == {*ANSWERS, *EVENTS}


def _dataclasses(hint: Any) -> Iterator[Any]:
    """Those that a type like `list[Speaker]` or `Recording | None` is made of."""
    if is_dataclass(hint):
        yield hint
    for part in get_args(hint):
        yield from _dataclasses(part)


def test_importing_the_package_loads_nothing_else() -> None:
    script = "import sys, speakerid; print(*sorted(name for name in sys.modules if name.startswith('speakerid')))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    assert ran.stdout.split() == ["speakerid", "speakerid.privacy"]
