from __future__ import annotations

from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from recipes.bundled_encoder import __main__, run
from recipes.bundled_encoder.report import Trained
from recipes.bundled_encoder.teachers import TeacherMissing
from speakerid.cli.console import Watcher
from speakerid.metrics.intervals import EerInterval
from speakerid.training.loop import StepProgress, TrainingProgress
from tests.cli.command import Command
from tests.training.made_up import write_people


@pytest.fixture
def speakerid(tmp_path: Path) -> Command:
    return Command(tmp_path / "voices.db")


@pytest.fixture
def train(tmp_path: Path) -> Command:
    return Command(tmp_path / "voices.db", app=__main__.app)


def trained(out: Path) -> Trained:
    return Trained(
        out=out,
        name="tiny",
        fingerprint="ab" * 32,
        steps=3,
        elapsed_s=120.0,
        held_out=EerInterval(1.5, 0.5, 2.5, 10, 90),
        held_out_speakers=5,
        left_out=1,
        left_out_file=out / "left_out.txt",
        worst_cosine=1.0,
        trained_on=("ours",),
    )


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command asked for; the training itself is tested in tests/recipes/bundled_encoder/test_run.py."""
    asked: list[Any] = []

    def made(job: Any, progress: TrainingProgress) -> Trained:
        asked.append(job)
        progress.items(1, 2)
        progress.step(StepProgress(3, 1.0, 0.0, 0.25))
        return trained(job.out)

    monkeypatch.setattr(run, "train", made)
    return asked


def test_the_answer_shows_what_came_out(train: Command, jobs: list[Any], tmp_path: Path) -> None:
    arguments = ("--data", tmp_path, "--data", tmp_path, "--out", tmp_path / "out")
    ran = train(*arguments, "--minutes", "2.5", "--resume", "never", "--device", "cpu")
    assert ran.code == 0
    assert "EER on 5 held-out speakers: 1.50 % [0.50 to 2.50]" in ran.out
    assert "Left out 1 file" in ran.out
    assert ran.err.splitlines() == ["Voices: 1 of 2, 00:00:00 left", "Training: step 3, loss 0.250, 00:00:00 left"]
    (job,) = jobs
    assert (job.data, job.minutes, job.steps, job.anew) == ((tmp_path, tmp_path), 2.5, None, True)
    assert (job.work, job.device) == (tmp_path / "out" / "work", "cpu")
    assert job.command.endswith("--minutes 2.5")


def test_programs_get_one_line(train: Command, jobs: list[Any], tmp_path: Path) -> None:
    ran = train("--data", tmp_path, "--out", tmp_path / "out", "--steps", "3", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["held_out"]["value"] == 1.5
    assert (jobs[0].steps, jobs[0].anew) == (3, False)


def test_a_person_sees_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    with Watcher(quiet=False) as watcher:
        watcher.counting("Voices")(1, 2)
        watcher.step(StepProgress(3, 0.5, 61.0, 0.25))
    shown = capsys.readouterr().err
    assert "1 of 2" in shown
    assert "step 3, loss 0.250, 00:01:01 left" in shown


def test_the_missing_teacher_is_one_sentence(train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise TeacherMissing("no module")

    monkeypatch.setattr(run, "Teachers", missing)
    data = write_people(tmp_path / "data", 7, 2, 1.1)
    ran = train("--data", data, "--out", tmp_path / "out", "--teacher", "fake", "--json")
    assert (ran.code, ran.problem["code"]) == (1, "teacher_missing")


def test_the_missing_extra_is_named(
    train: Command, speakerid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = util.find_spec
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda name: None if name == "onnxscript" else found(name))
    for command in (train, partial(speakerid, "finetune")):
        ran = command("--data", tmp_path, "--out", tmp_path / "out", "--json")
        assert ran.problem["code"] == "extra_missing"
        assert "pip install '.[train]'" in ran.problem["error"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("--data", "no-such-folder", "--out", "x"), ("--data", ".", "--out", "x", "--steps", "1", "--minutes", "1")],
    ids=str,
)
def test_wrong_usage(train: Command, arguments: tuple[str, ...]) -> None:
    assert train(*arguments).code == 2
