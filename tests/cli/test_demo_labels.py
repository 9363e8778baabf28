"""The words and languages of the demo, asked as it asks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.bootstrap import load_backbone, load_classifier
from speakerid.classification.backbones import Backbone
from speakerid.classification.classifier import answer
from speakerid.classification.training import waveform_of
from speakerid.cli import demo_labels
from speakerid.cli.demo_labels import BACKBONE, TEACHERS, WAKE_WORDS, label_lines, line
from speakerid.errors import BackboneNotFound, ExtraMissing
from speakerid.types import Classification, LabelScore


@dataclass(frozen=True)
class ClientHere:
    """Answers as a service of this machine would."""

    def classify(self, audio: Path, classifier: str) -> Classification:
        return answer(load_classifier(classifier), waveform_of(audio), top_k=5)


@pytest.fixture
def backbone(monkeypatch: pytest.MonkeyPatch, fetched_models: Path) -> Backbone:
    monkeypatch.setenv("SPEAKERID_MODELS", str(fetched_models))
    try:
        return load_backbone(BACKBONE)
    except BackboneNotFound as error:
        pytest.skip(str(error))


def test_every_word_and_language_is_told_rightly_and_surely(backbone: Backbone) -> None:
    found = list(label_lines(ClientHere()))  # type: ignore[arg-type]  # what it needs of one
    assert [(one["classifier"], one["label"]) for one in found] == [
        (WAKE_WORDS, "computer"),
        (WAKE_WORDS, "smart_mirror"),
        ("languages", "English"),
        ("languages", "Finnish"),
    ]
    assert all(one["right"] and one["probability"] > 0.6 for one in found)


def test_no_voice_that_is_asked_about_taught_anything() -> None:
    asked = {one.file for one in (*demo_labels.words(), *demo_labels.languages())}
    taught = {file for name in TEACHERS for file in (*samples.voices()[name].enroll, *samples.voices()[name].probes)}
    assert not asked & taught
    assert not {file.parent for file in asked} & {file.parent for file in taught}


def test_a_wrong_label_or_none_is_wrong() -> None:
    (asked, *_) = demo_labels.words()
    (right, wrong, none) = (
        Classification(WAKE_WORDS, label, 0.5, scores(), 1.0) for label in ("computer", "alexa", None)
    )
    assert [line(asked, one)["right"] for one in (right, wrong, none)] == [True, False, False]


def scores() -> tuple[LabelScore, ...]:
    return (LabelScore("computer", 0.9), LabelScore("alexa", 0.1))


def test_what_is_missing_comes_after_what_can_be_shown(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*libraries: str) -> None:
        raise ExtraMissing(libraries[0])

    monkeypatch.setattr(demo_labels, "require", lacking)
    lines = label_lines(ClientHere())  # type: ignore[arg-type]  # what it needs of one
    assert [next(lines)["label"] for _ in samples.commands()] == ["computer", "smart_mirror"]
    with pytest.raises(ExtraMissing, match="evaluate"):
        next(lines)
