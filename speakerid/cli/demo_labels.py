"""What `speakerid demo` shows of classifiers: a word that ships, and languages that are learned on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speakerid import samples
from speakerid.cli.options import read_settings
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.classification.backbones import Backbone
    from speakerid.classification.classifier import Classifier
    from speakerid.client import Client
    from speakerid.types import Classification

WAKE_WORDS, BACKBONE = "wake-words", "speech-embedding"
ENGLISH, FINNISH = "English", "Finnish"
TEACHERS = {"festival-ked": ENGLISH, "flite-slt": ENGLISH, "festival-lj": FINNISH}
FINN = "festival-mv"  # taught nothing, as the stranger, who speaks English


@dataclass(frozen=True)
class AskedLabel:
    file: Path
    said: str  # for people: by whom and what
    expected: str


def label_lines(client: Client) -> Iterator[dict[str, Any]]:
    """Words asked of the service behind `client`, languages of a classifier that is trained here.

    Raises BackboneNotFound, ExtraMissing.
    """
    from speakerid.bootstrap import load_backbone  # onnxruntime: 0.2 s

    backbone = load_backbone(BACKBONE, read_settings())
    for one in words():
        yield line(one, client.classify(one.file, WAKE_WORDS))
    require("sklearn", "scipy")
    from speakerid.classification.classifier import answer
    from speakerid.classification.training import waveform_of

    learned = learn_languages(backbone)
    for one in languages():
        yield line(one, answer(learned, waveform_of(one.file), top_k=1))


def words() -> list[AskedLabel]:
    return [AskedLabel(file, f"a stranger, {label}", label) for label, file in samples.commands().items()]


def languages() -> list[AskedLabel]:
    """Recordings of voices that taught nothing, one of each language."""
    asked = {"a stranger": (samples.stranger()[0], ENGLISH), FINN: (samples.voices()[FINN].probes[0], FINNISH)}
    return [AskedLabel(file, f"{who}, {file.stem}", language) for who, (file, language) in asked.items()]


def learn_languages(backbone: Backbone) -> Classifier:
    """English and Finnish, of the TEACHERS: too few people for a figure."""
    from speakerid.classification.material import LabeledRecording
    from speakerid.classification.training import train

    taught = [
        LabeledRecording(file, language, None)
        for name, language in TEACHERS.items()
        for file in (*samples.voices()[name].enroll, *samples.voices()[name].probes)
    ]
    return train("languages", taught, backbone).classifier


def line(asked: AskedLabel, found: Classification) -> dict[str, Any]:
    return {
        "recording": asked.said,
        "classifier": found.classifier,
        "expected": asked.expected,
        "label": found.label,
        "probability": found.scores[0].score,
        "right": found.label == asked.expected,
    }
