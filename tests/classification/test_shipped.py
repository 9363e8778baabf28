"""The classifier that ships: its card says what it should, and names find it after the operator's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.bootstrap import load_backbone, load_classifier
from speakerid.classification.backbones import Backbone
from speakerid.classification.classifier import CARD, HEAD, SHIPPED, ClassifierFolder, answer
from speakerid.classification.heads import UNKNOWN, Head
from speakerid.classification.training import waveform_of
from speakerid.classification.training_digests import DIGEST_BYTES, read_digests
from speakerid.errors import BackboneNotFound
from speakerid.models.catalog import SPEECH_EMBEDDING
from tests.classification.tone_classifier import write_tones
from tests.classification.toys import ToneBackbone

NAME = "wake-words"
FOLDER = SHIPPED / NAME
LABELS = ("alexa", "computer", "jarvis", "smart_mirror", "snowboy", UNKNOWN, "view_glass")


@pytest.fixture
def backbone(monkeypatch: pytest.MonkeyPatch, fetched_models: Path) -> Backbone:
    monkeypatch.setenv("SPEAKERID_MODELS", str(fetched_models))
    try:
        return load_backbone("speech-embedding")
    except BackboneNotFound as error:
        pytest.skip(str(error))


def test_it_is_small_and_knows_its_labels() -> None:
    assert Head.from_bytes((FOLDER / HEAD).read_bytes()).labels == LABELS
    assert sum(one.stat().st_size for one in FOLDER.iterdir()) < 100_000


def test_its_card_has_data_licence_and_figures() -> None:
    card = json.loads((FOLDER / CARD).read_text())
    assert (card["name"], card["backbone"], card["license"]) == (NAME, "speech-embedding", "Apache-2.0")
    assert all(source in card["trained_on"] for source in ("Picovoice", "LibriSpeech", "speechocean762", "Sorbian"))
    assert card["figures"]["accuracy"] > 98.0
    assert "false_alarms_an_hour" in card["figures"]


def test_what_it_is_not_good_for_is_written_beside_it() -> None:
    text = (FOLDER / "README.md").read_text()
    figures = json.loads((FOLDER / CARD).read_text())["figures"]
    assert "## Not good for" in text
    assert all(f"{figures[name]:g}" in text for name in ("accuracy", "recall", "false_alarms_an_hour"))


def test_it_says_what_it_learned_from_but_not_of_the_samples() -> None:
    learned = read_digests(FOLDER)
    assert len(learned) > 2000
    assert {len(one) for one in learned} == {DIGEST_BYTES}


def test_its_backbone_is_the_one_that_is_fetched(backbone: Backbone) -> None:
    assert json.loads((FOLDER / CARD).read_text())["backbone_fingerprint"] == backbone.fingerprint
    assert SPEECH_EMBEDDING.name == backbone.name


def test_words_are_told_and_other_speech_is_unknown(backbone: Backbone) -> None:
    classifier = load_classifier(NAME)
    for label, file in samples.commands().items():
        assert answer(classifier, waveform_of(file), top_k=1).label == label
    other = [file for voice in samples.voices().values() for file in voice.probes]
    assert {answer(classifier, waveform_of(file), top_k=1).label for file in other} <= {UNKNOWN, None}


def test_ones_own_takes_its_place(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for name, bias in ((NAME, (99.0, 0.0, 0.0)), ("other", (0.0, 0.0, 0.0))):
        write_tones(shipped, name, bias)
    folder = ClassifierFolder(own, lambda name: ToneBackbone(), shipped=shipped)
    assert folder.names() == ["other", NAME]
    before = folder.get(NAME)
    write_tones(own, NAME, bias=(0.0, 99.0, 0.0))
    assert folder.names() == ["other", NAME]
    assert folder.get(NAME).details.fingerprint != before.details.fingerprint
    assert folder.get("other") is folder.get("other")
