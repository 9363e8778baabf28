"""A backbone of its own is kept only where speakers held out are answered better, and is served without torch then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.classification.backbones import EncoderBackbone
from speakerid.classification.classifier import OnnxClassifier, TrainedClassifier
from speakerid.classification.material import read_material
from speakerid.classification.training import ClassifierTraining, train
from speakerid.errors import ClassifierNameUnusable
from speakerid.training import classifier_graph
from speakerid.training.errors import ClassifierExportDiffers, NotTrainable
from speakerid.training.import_classifier import import_classifier
from speakerid.training.joint_training import JointOptions
from speakerid.training.unfreeze import UnfreezeOptions, Unfrozen, load_trainable, save, unfreeze
from tests.training.made_up import glide, write_base, write_glides

LEARNS = UnfreezeOptions(joint=JointOptions(rate=1e-2, head_rate=1e-2, layer_decay=1.0, steps=24, batch=8))
LEARNS_NOTHING = UnfreezeOptions(joint=JointOptions(rate=0.0, head_rate=0.0, steps=4, batch=8))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory of SpeechBrain's, which knows no glides."""
    return str(write_base(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def frozen(model: str, tmp_path_factory: pytest.TempPathFactory) -> ClassifierTraining:
    folder = write_glides(tmp_path_factory.mktemp("material"))
    return train("glides", read_material(folder), EncoderBackbone(load_trainable(model).encoder))


@pytest.fixture(scope="module")
def unfrozen(model: str, frozen: ClassifierTraining, tmp_path_factory: pytest.TempPathFactory) -> tuple[Unfrozen, Path]:
    """And where it was saved, over a head of that name."""
    folder, base = tmp_path_factory.mktemp("classifiers") / "glides", load_trainable(model)
    frozen.classifier.save(folder)
    found = unfreeze(frozen, base, LEARNS)
    save(found.training, base, model, folder, own_graph=found.kept)
    return found, folder


def test_a_backbone_that_learned_to_answer_strangers_is_kept(unfrozen: tuple[Unfrozen, Path]) -> None:
    found, _ = unfrozen
    figures = found.training.classifier.card.figures or {}
    assert found.kept
    assert figures["recall"] > figures["frozen_recall"]
    assert figures["accuracy"] == pytest.approx(100 * _right(found.training), abs=0.01)


def _right(training: ClassifierTraining) -> float:
    return float((training.held_out.logits.argmax(axis=1) == training.held_out.truth).mean())


def test_it_is_saved_as_a_graph_that_gives_its_probabilities(unfrozen: tuple[Unfrozen, Path]) -> None:
    found, folder = unfrozen
    assert sorted(one.name for one in folder.iterdir()) == ["model.json", "model.onnx", "trained_on.bin"]
    graph = OnnxClassifier.load(folder / "model.onnx")
    for label in ("falling", "rising"):
        heard = glide(label, speaker=2, take=9)
        answered = graph.probabilities(heard)
        assert answered == pytest.approx(found.training.classifier.probabilities(heard), abs=1e-3)
        assert graph.details.labels[answered.argmax()] == label


def test_the_graphs_card_says_what_it_is(unfrozen: tuple[Unfrozen, Path], model: str) -> None:
    found, folder = unfrozen
    trained, card = found.training.classifier, json.loads((folder / "model.json").read_text())
    details = OnnxClassifier.load(folder / "model.onnx").details
    assert (details.labels, details.threshold) == (trained.head.labels, trained.head.threshold)
    assert (details.figures, details.window_s) == (trained.card.figures, trained.card.window_s)
    assert (details.backbone, details.trained_on) == ("tiny", trained.card.trained_on)
    assert (card["made_of"], card["made_of_fingerprint"]) == (model, load_trainable(model).encoder.fingerprint)


def test_a_backbone_that_is_no_better_is_left_as_it_was(model: str, frozen: ClassifierTraining) -> None:
    base = load_trainable(model)
    before = {name: value.clone() for name, value in base.net.state_dict().items()}
    found = unfreeze(frozen, base, LEARNS_NOTHING)
    figures, old = found.training.classifier.card.figures or {}, frozen.classifier.card.figures or {}
    assert not found.kept
    assert found.training.classifier.head == frozen.classifier.head
    assert {name: figures[name] for name in old} == old
    assert figures["unfrozen_accuracy"] <= 100.0
    assert all(torch.equal(value, before[name]) for name, value in base.net.state_dict().items())


def test_without_time_each_fold_is_asked_once(model: str, frozen: ClassifierTraining) -> None:
    done: list[tuple[int, int]] = []
    joint = JointOptions(rate=0.0, head_rate=0.0, steps=8, checks=4, batch=8)
    unfreeze(frozen, load_trainable(model), UnfreezeOptions(0.0, joint), lambda *one: done.append(one))
    assert done[-2:] == [(3 * 2, 4 * 8), (4 * 8, 4 * 8)]  # three folds, a check every two steps; then it is over


def test_a_model_directory_that_was_not_trained_is_saved_as_a_graph(
    model: str, frozen: ClassifierTraining, tmp_path: Path
) -> None:
    save(frozen, load_trainable(model), model, tmp_path / "glides", own_graph=False)
    heard = glide("rising", speaker=2, take=9)
    graph = OnnxClassifier.load(tmp_path / "glides" / "model.onnx")
    assert graph.probabilities(heard) == pytest.approx(frozen.classifier.probabilities(heard), abs=1e-3)


def test_a_head_that_is_trained_again_takes_the_place_of_a_graph(
    model: str, frozen: ClassifierTraining, tmp_path: Path
) -> None:
    save(frozen, load_trainable(model), model, tmp_path / "glides", own_graph=False)
    frozen.classifier.save(tmp_path / "glides")
    assert sorted(one.name for one in (tmp_path / "glides").iterdir()) == ["card.json", "head.npz", "trained_on.bin"]


def test_a_published_model_does_not_replace_it(unfrozen: tuple[Unfrozen, Path], model: str) -> None:
    _, folder = unfrozen
    with pytest.raises(ClassifierNameUnusable, match="trained here"):
        import_classifier(folder.name, model, folder.parent)


def test_a_graph_that_differs_is_not_kept_and_what_was_there_stays(
    model: str, frozen: ClassifierTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "glides"
    frozen.classifier.save(folder)
    monkeypatch.setattr(classifier_graph, "worst_difference", lambda *_: 0.2)
    with pytest.raises(ClassifierExportDiffers, match=r"0\.2000"):
        save(frozen, load_trainable(model), model, folder, own_graph=True)
    kept = TrainedClassifier.load(folder, lambda _: frozen.classifier.backbone)
    assert np.array_equal(kept.head.weights, frozen.classifier.head.weights)
    assert [one.name for one in tmp_path.iterdir()] == ["glides"]


@pytest.mark.parametrize("graph", ["speech-embedding", "campplus", "campplus+ecapa-mini", "encoder.onnx"])
def test_a_graph_has_nothing_to_train_and_the_error_says_what_has(graph: str) -> None:
    with pytest.raises(NotTrainable, match=r"weights to train.*'ecapa-mini', a SpeechBrain model directory"):
        load_trainable(graph)
