"""Hugging Face's own client, as its users call it, against the real service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speakerid import samples
from tests.cli.command import Served
from tests.sampled import ADA, BEN

pytestmark = pytest.mark.slow
hub: Any = pytest.importorskip("huggingface_hub", reason="comes with the extra 'models'")
PROBE = samples.voices()[ADA].probes[0]


def client(equipped: Served, name: str = "default") -> Any:
    return hub.InferenceClient(model=f"{equipped.url}/hf/{name}", token="sid_none")


@pytest.mark.parametrize("audio", [PROBE, str(PROBE), PROBE.read_bytes()], ids=["path", "text", "bytes"])
def test_it_gets_the_speakers_of_a_gallery(equipped: Served, audio: Path | str | bytes) -> None:
    found = client(equipped).audio_classification(audio)
    assert found[0].label == ADA
    assert {one.label for one in found} == {ADA, BEN, "unknown"}
    assert sum(one.score for one in found) == pytest.approx(1.0)


def test_its_parameters_count(equipped: Served) -> None:
    asked = client(equipped, "models/default")
    assert [one.label for one in asked.audio_classification(PROBE, top_k=1, function_to_apply="softmax")] == [ADA]


def test_it_gets_the_labels_of_a_classifier(equipped: Served) -> None:
    assert [one.label for one in client(equipped, "agreement").audio_classification(PROBE)] == ["yes", "no"]


def test_it_shows_the_sentence_of_an_error(equipped: Served) -> None:
    with pytest.raises(hub.errors.HfHubHTTPError, match="There is no gallery and no classifier 'nothing'"):
        client(equipped, "nothing").audio_classification(PROBE)
