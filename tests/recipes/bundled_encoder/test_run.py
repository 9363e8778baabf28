from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from recipes.bundled_encoder import corpora, recipe, run, teachers
from recipes.bundled_encoder.corpora import PLACES, gather, hold_out_last, is_laid_out, joined, list_unlabeled
from recipes.bundled_encoder.run import TrainingJob, train
from recipes.bundled_encoder.teachers import TeacherMissing
from speakerid.encoders.base import Encoder
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.encoders.speechbrain import WEIGHTS
from speakerid.training.errors import (
    CheckpointMismatch,
    NoHeldOutSpeakers,
    NoTrainingAudio,
    TooFewSpeakers,
)
from speakerid.training.loop import CHECKPOINT, LoopOptions, StepProgress, Trainer, TrainingProgress
from speakerid.training.model_directory import fingerprint
from speakerid.training.speech import Source, list_speakers
from speakerid.types import FloatArray
from tests.training.made_up import TINY, person, spectral_teachers, write_base, write_people, write_speech


class SpectralTeachers:
    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed(self, waves: Sequence[FloatArray]) -> Sequence[FloatArray]:
        return spectral_teachers(waves)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers to learn from, five held out, two files of unknown speakers, one that is no audio."""
    root = write_people(tmp_path_factory.mktemp("bundled") / "ours", 7, 1, 2.2)
    for number in range(2):
        write_speech(root / f"{number}.wav", person(20 + number, 1.0, 1))
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
        began.append({name: one.clone() for name, one in trainer.task.net.state_dict().items()})
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run", run)
    base = write_base(job.out.parent / "base")
    with pytest.raises(KeyboardInterrupt):
        train(replace(job, start=base))
    wanted = torch.load(base / WEIGHTS, weights_only=True)
    assert all(torch.equal(one, began[0][name]) for name, one in wanted.items())


@pytest.mark.slow
def test_from_folders_to_a_model_that_goes_on_after_a_kill(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOOP", LoopOptions(log_every=1))
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", _killed_after_one_step)
        with pytest.raises(KeyboardInterrupt):
            train(job)
    assert not job.out.exists()
    seen: list[StepProgress] = []
    files: list[tuple[int, int]] = []
    made = train(job, TrainingProgress(files=lambda *one: files.append(one), step=seen.append))
    assert files == []  # the training set was finished
    assert [one.step for one in seen] == [2]
    assert made.steps == 2
    assert made.left_out == 1
    assert "broken.wav" in made.left_out_file.read_text()
    assert {path.name for path in job.out.iterdir()} >= {"hyperparams.yaml", "model.onnx", "README.md"}
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


def _killed_after_one_step(trainer: Trainer, show: Callable[[StepProgress], None]) -> None:
    next(trainer.steps())
    show(StepProgress(1, 0.5, 1.0, 0.1))
    trainer.save()
    raise KeyboardInterrupt


def test_sub_folders_are_speakers_and_other_files_are_unlabeled(data: Path, tmp_path: Path) -> None:
    other = write_people(tmp_path / "theirs", 7, 1, 1.2)
    write_speech(other / "noise" / "hum.wav", person(3, 1.0, 0))
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
    write_speech(tmp_path / "nobody" / "a.wav", person(1, 1.0, 0))
    with pytest.raises(TooFewSpeakers):
        gather([tmp_path / "nobody"])


def test_without_the_teacher_nothing_is_begun(job: TrainingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise TeacherMissing("no module")

    monkeypatch.setattr(run, "Teachers", missing)
    with pytest.raises(TeacherMissing):
        train(job)


def test_the_last_speakers_are_held_out_with_all_their_files() -> None:
    sources = [Source(Path(f"{s}-{i}.wav"), "c", s) for s in ("a", "b", "c") for i in range(2)]
    split = hold_out_last(sources, 1)
    assert split.held_out_speakers == ("c",)
    assert {s.speaker for s in split.train} == {"a", "b"}
    assert len(split.held_out) == 2


def test_utterances_of_one_speaker_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "JOINED", {"people": 2, "orders": 2})
    items = joined(list_speakers(write_people(tmp_path / "people", 2, 3, 0.2), "people"))
    assert [(item[0].speaker, len(item)) for item in items] == [("p0", 2), ("p0", 1), ("p1", 2), ("p1", 1)]
    for number in range(3):
        write_speech(tmp_path / "orders" / f"{number}.wav", person(number, 0.2, 0))
    assert [len(item) for item in joined(list_unlabeled(tmp_path / "orders", "orders"))] == [1, 1, 1]


def test_minutes_end_the_schedule(job: TrainingJob) -> None:
    loop = replace(job, steps=None, minutes=2.0).loop
    assert (loop.budget_s, loop.steps) == (120.0, run.NO_END)


def test_a_missing_teacher_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", _missing)
    with pytest.raises(TeacherMissing, match="resemblyzer") as caught:
        teachers.Resemblyzer()
    assert caught.value.code == "teacher_missing"


def _missing(name: str) -> None:
    raise ImportError(f"No module named {name!r}")
