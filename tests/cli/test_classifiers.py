"""`speakerid classifiers train`, `classifiers list` and `classify`, with the bundled encoder as the backbone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from speakerid.training import unfreeze
from speakerid.training.joint_training import JointOptions
from tests.classification.toys import RATE_HZ, whistle, write_material
from tests.cli.command import Command
from tests.training.made_up import write_base, write_glides

QUICK = JointOptions(rate=1e-2, head_rate=1e-2, layer_decay=1.0, steps=24, batch=8)


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEAKERID_MODELS", str(tmp_path / "models"))
    return write_material(tmp_path / "material")


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A stranger's."""
    path = tmp_path / "asked.wav"
    soundfile.write(path, whistle("high", speaker=9, take=0), RATE_HZ)
    return path


@pytest.fixture
def trained(speakerid: Command, material: Path) -> Command:
    assert speakerid("classifiers", "train", "tones", "--data", material, "--backbone", "ecapa-mini").code == 0
    return speakerid


def test_training_shows_figures_and_what_to_try(speakerid: Command, material: Path) -> None:
    ran = speakerid("classifiers", "train", "tones", "--data", material, "--backbone", "ecapa-mini")
    assert ran.code == 0
    assert "with speakers held out" in ran.out
    assert "speakerid classify FILE --classifier tones" in ran.out


def test_one_persons_figures_are_called_what_they_are(speakerid: Command, tmp_path: Path, material: Path) -> None:
    one = write_material(tmp_path / "one", speakers=1, takes=5)
    ran = speakerid("classifiers", "train", "mine", "--data", one, "--backbone", "ecapa-mini", "--few")
    assert ran.code == 0
    assert "with recordings held out" in ran.out
    assert "people who were not trained on may be recognized worse" in ran.out


def test_a_trained_classifier_answers_by_its_name(trained: Command, asked: Path) -> None:
    answer = trained("classify", asked, "--classifier", "tones", "--top-k", "2", "--json").json
    assert answer["classifier"] == "tones"
    assert answer["scores"][0]["label"] == "high"
    assert len(answer["scores"]) == 2


def test_several_files_are_a_line_each_with_their_names(trained: Command, asked: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    ran = trained("classify", asked, bad, asked, "--classifier", "tones", "--json")
    assert ran.code == 1
    assert [json.loads(line)["file"] for line in ran.out.splitlines()] == [str(asked), str(asked)]
    assert "unsupported_audio" in ran.err


def test_the_list_shows_labels_and_figures(trained: Command) -> None:
    ran = trained("classifiers", "list")
    assert "tones" in ran.out
    assert "high, low, middle" in " ".join(ran.out.split())


def test_a_classifier_that_is_not_there_is_named(speakerid: Command, material: Path, asked: Path) -> None:
    ran = speakerid("classify", asked, "--classifier", "moods")
    assert ran.code == 1
    assert "There is no classifier 'moods'" in ran.err


def test_too_little_material_is_refused_with_the_reason(speakerid: Command, tmp_path: Path, material: Path) -> None:
    few = write_material(tmp_path / "few", speakers=2, takes=1)
    ran = speakerid("classifiers", "train", "tones", "--data", few, "--backbone", "ecapa-mini")
    assert ran.code == 1
    assert "has 2 recordings; 5 are needed" in ran.err
    assert not (tmp_path / "models" / "classifiers").exists()


def test_a_model_directory_is_a_backbone_and_its_classifier_is_a_graph(
    speakerid: Command, material: Path, asked: Path, tmp_path: Path
) -> None:
    model = write_base(tmp_path / "tiny")
    assert speakerid("classifiers", "train", "tones", "--data", material, "--backbone", model).code == 0
    kept = tmp_path / "models" / "classifiers" / "tones"
    assert sorted(one.name for one in kept.iterdir()) == ["model.json", "model.onnx", "trained_on.bin"]
    assert speakerid("classify", asked, "--classifier", "tones", "--json").json["scores"][0]["label"] == "high"
    assert "tiny" in speakerid("classifiers", "list").out


def test_a_backbone_that_was_trained_too_is_compared_with_the_frozen_one(
    speakerid: Command, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfreeze, "JOINT", QUICK)
    glides, model = write_glides(tmp_path / "glides"), write_base(tmp_path / "tiny")
    ran = speakerid("classifiers", "train", "glides", "--data", glides, "--backbone", model, "--unfreeze")
    assert ran.code == 0
    assert "Backbone trained" in ran.err
    details = speakerid("classifiers", "list", "--json").json
    frozen = details["figures"]["frozen_accuracy"]
    assert f"Its backbone was trained with it: accuracy {frozen} %" in " ".join(ran.out.split())
    assert details["figures"]["recall"] > details["figures"]["frozen_recall"]


@pytest.mark.parametrize("backbone", ["speech-embedding", "campplus"])
def test_a_graph_cannot_be_unfrozen(speakerid: Command, material: Path, backbone: str) -> None:
    ran = speakerid("classifiers", "train", "tones", "--data", material, "--backbone", backbone, "--unfreeze", "--json")
    assert (ran.code, ran.problem["code"]) == (1, "not_trainable")


def test_training_a_backbone_without_torch_says_what_to_install(
    speakerid: Command, material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda name: None if name == "torch" else name)
    ran = speakerid("classifiers", "train", "tones", "--data", material, "--backbone", "ecapa-mini", "--unfreeze")
    assert ran.code == 1
    assert "'torch'" in ran.err
    assert ".[models]" in ran.err
