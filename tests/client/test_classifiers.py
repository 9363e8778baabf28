"""Classifiers through the Client, alone and beside identify."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.client import Client, ClientError
from speakerid.services.engine import Engine
from tests.classification.tone_classifier import tones, whistled
from tests.classification.toys import TONES_HZ
from tests.engines import EngineMaker
from tests.sampled import ADA, probe


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str, tmp_path: Path) -> Engine:
    return open_engine(store_url, classifiers=tones(tmp_path / "classifiers"))


def test_the_labels_of_a_recording(voices: Client, tmp_path: Path) -> None:
    path = tmp_path / "low.wav"
    path.write_bytes(whistled("low"))
    for audio in (path, str(path), whistled("low")):
        found = voices.classify(audio, "tones", top_k=2)
        assert (found.label, len(found.scores)) == ("low", 2)
    with pytest.raises(ClientError) as refused:
        voices.classify(path, "tones", channel=1)
    assert refused.value.code == "no_such_channel"


def test_the_list(voices: Client) -> None:
    assert [(one.name, one.labels) for one in voices.classifiers()] == [("tones", tuple(TONES_HZ))]


@pytest.mark.parametrize("asked", ["tones", ["tones"], ("tones", "tones")])
def test_beside_identify(voices: Client, asked: str | list[str]) -> None:
    found = voices.identify(probe(ADA), classifiers=asked)
    assert (found.decision, [one.classifier for one in found.classes]) == ("no_speakers", ["tones"])
    assert voices.identify(probe(ADA)).classes == ()


@pytest.mark.parametrize("name", ["nothing", "../classifiers", "a/b"])
def test_one_that_is_not_there(voices: Client, name: str) -> None:
    for ask in (
        lambda: voices.classify(whistled("low"), name),
        lambda: voices.identify(whistled("low"), classifiers=[name]),
    ):
        with pytest.raises(ClientError) as refused:
            ask()
        assert refused.value.status == 404
