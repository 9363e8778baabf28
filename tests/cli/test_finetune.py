from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.metrics.intervals import EerInterval
from speakerid.training import finetune as module
from speakerid.training.held_out import EerChange, EerComparison
from speakerid.training.training_set import Shape
from tests.cli.command import Command
from tests.training.made_up import write_base, write_people


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_people(tmp_path_factory.mktemp("people") / "ours", 7, 2)
    (root / "p1" / "bad.wav").write_text("not audio")
    return root


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests of the command need not do again: tests/training/test_finetune.py does."""
    monkeypatch.setattr(module, "_export", lambda *_: None)
    monkeypatch.setattr(module.FinetuneOptions, "shapes", (Shape(4, 1.0),))


def test_an_encoder_is_adapted_and_says_what_it_brought(speakerid: Command, base: Path, people: Path) -> None:
    out = speakerid.store.parent / "mine"
    arguments = ("--encoder", base, "--data", people, "--out", out, "--steps", "2", "--allow-worse")
    ran = speakerid("finetune", *arguments)
    assert ran.code == 0
    assert "mine: learned from 2 speakers, 4 utterances." in ran.out
    assert "Left out 1 file: 1 unreadable_training_audio." in ran.out
    assert "EER on 5 held-out speakers: " in ran.out
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["Reading", "Reading", "Voices"]
    assert "--steps 2 --held-out 0.2 --allow-worse" in (out / "README.md").read_text()
    answer = speakerid("finetune", *arguments, "--name", "ours", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["name"] == "ours"
    assert answer.json["before"]["targets"] == 5
    assert answer.json["left_out"] == {"unreadable_training_audio": 1}


def test_a_worse_model_is_one_sentence(
    speakerid: Command, base: Path, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = (EerInterval(value, 0.0, 9.0, 10, 10) for value in (3.0, 4.0))
    monkeypatch.setattr(module, "compare", lambda *_: EerComparison(before, after, EerChange(0.5, 1.5)))
    out = speakerid.store.parent / "mine"
    ran = speakerid("finetune", "--encoder", base, "--data", people, "--out", out, "--steps", "1", "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "model_got_worse")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--held-out", "0"), "unchecked_model"),
        (("--encoder", "speakerid.onnx"), "not_trainable"),
        (("--encoder", "no-such"), "not_trainable"),
    ],
)
def test_refusals_are_one_sentence(speakerid: Command, people: Path, options: tuple[str, ...], code: str) -> None:
    ran = speakerid("finetune", "--data", people, "--out", speakerid.store.parent / "mine", *options, "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", code)


def test_one_speaker_is_refused(speakerid: Command, tmp_path: Path) -> None:
    data = write_people(tmp_path / "one", 1, 1)
    ran = speakerid("finetune", "--data", data, "--out", tmp_path / "mine", "--json")
    assert ran.problem["code"] == "too_few_training_speakers"
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("arguments", [(), ("--data", "no-such-folder", "--out", "x"), ("--out", "x")], ids=str)
def test_wrong_usage(speakerid: Command, arguments: tuple[str, ...]) -> None:
    assert speakerid("finetune", *arguments).code == 2
