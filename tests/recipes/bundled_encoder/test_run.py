from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recipes.bundled_encoder import recipe, run
from recipes.bundled_encoder.corpora import PLACES, gather, is_laid_out
from recipes.bundled_encoder.on_device import move
from recipes.bundled_encoder.run import TrainingJob, train
from speakerid.encoders.base import Encoder
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.training.curves import read_history
from speakerid.training.data import Samples
from speakerid.training.devices import bf16_pays, pick
from speakerid.training.errors import (
    CheckpointMismatch,
    DeviceMissing,
    NoHeldOutSpeakers,
    NoTrainingAudio,
    TeacherMissing,
    TooFewSpeakers,
)
from speakerid.training.loop import CHECKPOINT, Progress, Trainer
from speakerid.training.model import WEIGHTS, fingerprint
from speakerid.training.watch import Seen, Watch
from speakerid.types import FloatArray
from tests.training.trees import say, write_base, write_people
from tests.training.voices import TINY, spectral_teachers, write_speech


class SpectralTeachers:
    def __init__(self, encoder: Encoder, bf16: bool) -> None:
        self.encoder, self.bf16 = encoder, bf16

    def embed(self, waves: Sequence[Samples]) -> Sequence[FloatArray]:
        return spectral_teachers(waves)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers to learn from, five held out, two files of nobody knows whom, one that is no audio."""
    root = write_people(tmp_path_factory.mktemp("bundled") / "ours", 7, 1, 2.2)
    for number in range(2):
        write_speech(root / f"{number}.wav", say(20 + number, 1.0, 1))
    (root / "broken.wav").write_text("not audio")
    return root


@pytest.fixture
def job(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingJob:
    monkeypatch.setattr(run, "Teachers", SpectralTeachers)
    return TrainingJob(
        (data,), tmp_path / "out", tmp_path / "work", steps=2, teacher="fake", device="cpu", student=TINY
    )


@pytest.mark.slow
def test_a_run_goes_on_from_an_encoder_of_the_same_shape(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[dict[str, torch.Tensor]] = []

    def run(trainer: Trainer, _: object) -> None:
        began.append({name: one.clone() for name, one in trainer.student.embedding_model.state_dict().items()})
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run", run)
    base = write_base(job.out.parent / "base")
    with pytest.raises(KeyboardInterrupt):
        train(replace(job, start=base))
    wanted = torch.load(base / WEIGHTS, weights_only=True)
    assert all(torch.equal(one, began[0][name]) for name, one in wanted.items())


@pytest.mark.slow
def test_from_folders_to_a_model_that_goes_on_after_a_kill(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOG_EVERY", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", _killed_after_one_step)
        with pytest.raises(KeyboardInterrupt):
            train(job)
    assert not job.out.exists()
    seen: list[Seen] = []
    files: list[tuple[int, int]] = []
    made = train(job, Watch(files=lambda *one: files.append(one), step=seen.append))
    assert files == []  # the voice bank was finished
    assert [one.step for one in seen] == [2]
    assert made.steps == 2
    assert made.left_out == 1
    assert "broken.wav" in made.left_out_file.read_text()
    assert {path.name for path in job.out.iterdir()} >= {"hyperparams.yaml", "model.onnx", "README.md", "curves.png"}
    assert OnnxEncoder.load(job.out / "model.onnx").fingerprint == fingerprint(job.out) == made.fingerprint
    report = json.loads((job.out / "training.json").read_text())
    assert report["held_out"]["targets"] == 5
    assert report["held_out_speakers"] == 5
    _begins_anew(job)


def _begins_anew(job: TrainingJob) -> None:
    again = train(replace(job, anew=True, steps=1))
    assert again.steps == 1
    assert (job.work / f"before-{CHECKPOINT}").exists()
    with pytest.raises(CheckpointMismatch, match="differs in student"):
        train(replace(job, student=replace(TINY, channels=32)))


def _killed_after_one_step(trainer: Trainer, tell: Callable[[Progress], None]) -> None:
    tell(Progress(1, 0.5, 1.0, 1.0, 0.1, next(trainer._steps())))
    trainer.save()
    raise KeyboardInterrupt


def test_sub_folders_are_speakers_and_other_files_are_nobodys(data: Path, tmp_path: Path) -> None:
    other = write_people(tmp_path / "theirs", 7, 1, 1.2)
    write_speech(other / "noise" / "hum.wav", say(3, 1.0, 0))
    found = gather([data, other])
    assert len({one.speaker for one in found.labeled.train}) == 4
    assert len(found.labeled.held_out_speakers) == 10
    assert [one.path.name for one in found.unlabeled] == ["0.wav", "1.wav", "broken.wav"]
    assert (found.noise, found.trained_on) == (other, ("ours", "theirs"))


def test_the_recipes_own_layout_is_known(speech_root: Path) -> None:
    assert is_laid_out(speech_root)
    found = gather([speech_root])
    assert len(found.labeled.held_out_speakers) == sum(place.held_out for place in PLACES)
    assert {one.corpus for one in found.train} == recipe.PLANS.keys()
    assert not {one.speaker for one in found.train} & set(found.labeled.held_out_speakers)


def test_too_few_speakers_are_refused(tmp_path: Path, data: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoTrainingAudio):
        gather([tmp_path / "empty"])
    with pytest.raises(NoHeldOutSpeakers):
        gather([write_people(tmp_path / "one", 1, 1)])
    write_speech(tmp_path / "nobody" / "a.wav", say(1, 1.0, 0))
    with pytest.raises(TooFewSpeakers):
        gather([tmp_path / "nobody"])


def test_without_the_teacher_nothing_is_begun(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise TeacherMissing("no module")

    monkeypatch.setattr(run, "Teachers", missing)
    with pytest.raises(TeacherMissing):
        train(job)


def test_a_trainer_that_was_moved_goes_on(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """No accelerator in tests: at least the way from batch to step is walked."""
    taken: list[int] = []

    def run(trainer: Trainer, _: object) -> None:
        steps = trainer._steps()
        next(steps)
        move(trainer, "cpu")
        next(steps)
        taken.append(trainer.step)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run", run)
    with pytest.raises(KeyboardInterrupt):
        train(job)
    assert taken == [2]


def test_minutes_end_the_schedule(job: TrainingJob) -> None:
    loop = replace(job, steps=None, minutes=2.0).loop("cpu")
    assert (loop.budget_s, loop.steps) == (120.0, run.NO_END)
    assert loop.bf16 == bf16_pays("cpu")


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick(None) == "cpu"
    with pytest.raises(DeviceMissing, match="no cuda device"):
        pick("cuda")


def test_what_a_killed_run_wrote_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps({"step": step, "loss": step}) + "\n" for step in (1, 2, 3, 2)) + '{"st')
    assert [line["step"] for line in read_history(path)] == [1, 2]
    assert read_history(tmp_path / "none.jsonl") == []
