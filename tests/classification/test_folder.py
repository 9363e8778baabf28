"""The classifiers of a folder: found by name and nothing else, loaded when asked, loaded again when they change."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from speakerid.classification.backbones import Backbone
from speakerid.classification.classifier import LONGEST_SAMPLES, ClassifierFolder, answer, load_classifier
from speakerid.classification.heads import Wide
from speakerid.errors import BackboneNotFound, ClassifierNotFound, ClassifierUnreadable
from speakerid.types import ClassifierDetails, FloatArray
from tests.classification.tone_classifier import NAME, tones, write_tones
from tests.classification.toys import ToneBackbone, whistle

LOW = whistle("low", 1, 0)


def label(folder: ClassifierFolder, name: str = NAME) -> str | None:
    return answer(folder.get(name), LOW, top_k=1).label


def test_a_folder_has_what_lies_in_it(tmp_path: Path) -> None:
    folder = tones(tmp_path)
    write_tones(tmp_path, "other")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no classifier")
    write_tones(tmp_path, ".hidden")
    assert folder.names() == ["other", "tones"]
    assert label(folder) == "low"


def test_no_folder_has_nothing(tmp_path: Path) -> None:
    for folder in (ClassifierFolder(), ClassifierFolder(tmp_path / "missing")):
        assert folder.names() == []
        with pytest.raises(ClassifierNotFound):
            folder.get(NAME)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../tones", "tones/", "tones/../tones", "a/b", "/etc", "tones\0", ".hidden", "x" * 65, "nö ne"],
)
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    folder = tones(inner)
    write_tones(tmp_path)
    write_tones(inner, ".hidden")
    with pytest.raises(ClassifierNotFound, match="There is no classifier"):
        folder.get(name)


def test_a_path_to_a_classifier_is_no_name(tmp_path: Path) -> None:
    place = write_tones(tmp_path / "elsewhere")
    with pytest.raises(ClassifierNotFound):
        tones(tmp_path / "here").get(str(place))


def test_each_is_loaded_once_with_one_backbone(tmp_path: Path) -> None:
    loaded: list[str] = []

    def load(name: str) -> Backbone:
        loaded.append(name)
        return ToneBackbone()

    write_tones(tmp_path)
    write_tones(tmp_path, "other")
    folder = ClassifierFolder(tmp_path, load)
    assert folder.get("tones") is folder.get("tones")
    assert folder.get("other") is not folder.get("tones")
    assert loaded == ["tones"]


def test_one_that_was_trained_again_is_loaded_again(tmp_path: Path) -> None:
    folder = tones(tmp_path)
    before = label(folder)
    head = write_tones(tmp_path, bias=(0.0, 0.0, 99.0)) / "head.npz"
    os.utime(head, ns=(1, 1))
    assert (before, label(folder)) == ("low", "high")


def test_one_that_was_deleted_is_gone(tmp_path: Path) -> None:
    folder = tones(tmp_path)
    folder.get(NAME)
    (tmp_path / NAME / "head.npz").unlink()
    assert folder.names() == []
    with pytest.raises(ClassifierNotFound):
        folder.get(NAME)


def test_the_name_is_that_of_the_folder(tmp_path: Path) -> None:
    tones(tmp_path)
    (tmp_path / NAME).rename(tmp_path / "whistles")
    folder = ClassifierFolder(tmp_path, lambda name: ToneBackbone())
    assert folder.get("whistles").details.name == "whistles"


def test_a_graph_with_a_card_is_a_classifier(tmp_path: Path) -> None:
    place = tmp_path / "graph"
    place.mkdir()
    write_graph(place / "model.onnx")
    (place / "model.json").write_text('{"labels": ["up", "down"], "name": "of the card"}')
    folder = ClassifierFolder(tmp_path)
    assert folder.names() == ["graph"]
    found = answer(folder.get("graph"), np.full(16_000, 0.5, np.float32), top_k=2)
    assert (found.classifier, found.label, len(found.scores)) == ("graph", "up", 2)
    assert load_classifier("graph", tmp_path, lambda name: ToneBackbone()).details.name == "graph"


def write_graph(path: Path) -> None:
    """wave (1, samples) -> logits (1, 2): its mean, and its mean the other way round."""
    nodes = [
        helper.make_node("ReduceMean", ["wave", "time"], ["mean"]),
        helper.make_node("Neg", ["mean"], ["other"]),
        helper.make_node("Concat", ["mean", "other"], ["logits"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("wave", TensorProto.FLOAT, [1, "samples"])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])]
    axis = [helper.make_tensor("time", TensorProto.INT64, [1], [1])]
    graph = helper.make_graph(nodes, "up or down", inputs, outputs, axis)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def test_damage_and_a_missing_backbone_are_said(tmp_path: Path) -> None:
    folder = tones(tmp_path)
    with pytest.raises(BackboneNotFound):
        ClassifierFolder(tmp_path).get(NAME)
    (tmp_path / NAME / "head.npz").write_bytes(b"PK")
    with pytest.raises(ClassifierUnreadable):
        folder.get(NAME)


@dataclass
class Counting:
    """A classifier that notes how much it is given at a time, and is sure that it is the first label in the first."""

    details: ClassifierDetails
    lengths: list[int] = field(default_factory=list)

    def probabilities(self, waveform: FloatArray) -> Wide:
        self.lengths.append(len(waveform))
        return np.array([1.0, 0.0, 0.0] if len(self.lengths) == 1 else [0.0, 1.0, 0.0])


def test_a_long_recording_is_heard_in_pieces_of_equal_length(tmp_path: Path) -> None:
    details = tones(tmp_path).get(NAME).details
    long, short = Counting(details), Counting(details)
    found = answer(long, np.zeros(2 * LONGEST_SAMPLES + 1, np.float32), top_k=3)
    assert (len(long.lengths), sum(long.lengths)) == (3, 2 * LONGEST_SAMPLES + 1)
    assert max(long.lengths) - min(long.lengths) <= 1
    assert [one.score for one in found.scores] == pytest.approx([2 / 3, 1 / 3, 0.0])
    answer(short, np.zeros(LONGEST_SAMPLES, np.float32), top_k=3)
    assert short.lengths == [LONGEST_SAMPLES]
