from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speakerid.encoders.onnx import OnnxEncoder
from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.metrics.intervals import EerInterval
from speakerid.training import finetune as module
from speakerid.training.card import Finetuned
from speakerid.training.errors import (
    CheckpointMismatch,
    CheckpointWriteFailed,
    ModelGotWorse,
    NoHeldOutSpeakers,
    NoTrainingAudio,
    NotTrainable,
    TooFewSpeakers,
    UncheckedModel,
    UnfaithfulCopy,
)
from speakerid.training.finetune import LOOP, WORK, FinetuneOptions, finetune
from speakerid.training.held_out import EerChange, EerComparison
from speakerid.training.loop import CHECKPOINT, StepProgress, Trainer, TrainingProgress
from speakerid.training.model_directory import fingerprint
from speakerid.training.toolkit import EncoderClassifier
from speakerid.training.training_set import Shape
from speakerid.training.tuner import TuneOptions
from tests.encoders.tiny_models import write_xvector
from tests.training.made_up import person, write_base, write_people

TUNE = TuneOptions(rate=3e-3)
STEPS = replace(LOOP, steps=24, log_every=1)
FEW = replace(STEPS, steps=2)
SHAPES = (Shape(6, 1.0),)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("people") / "ours")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def losses() -> list[float]:
    """Of each step of the run that `tuned` finished."""
    return []


@pytest.fixture(scope="session")
def tuned(people: Path, base: Path, losses: list[float], tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    """A finished run. Copy its folder before changing it."""
    out = tmp_path_factory.mktemp("tuned") / "mine"
    command = "speakerid finetune --data ours"
    return finetune(
        FinetuneOptions(str(base), people, out, 0.2, True, loop=STEPS, tune=TUNE, shapes=SHAPES, command=command),
        TrainingProgress(step=lambda one: losses.append(one.loss)),
    )


@pytest.fixture
def options(people: Path, base: Path, tmp_path: Path) -> FinetuneOptions:
    return FinetuneOptions(str(base), people, tmp_path / "mine", allow_worse=True, loop=STEPS, tune=TUNE, shapes=SHAPES)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the slow thing at the end: the graph."""
    monkeypatch.setattr(module, "_export", lambda *_: None)


def test_the_new_encoder_is_a_directory_that_plain_speechbrain_loads(tuned: Finetuned, base: Path) -> None:
    names = {path.name for path in tuned.out.iterdir()}
    assert names >= {"hyperparams.yaml", "embedding_model.ckpt", "model.onnx", "card.json", "README.md"}
    assert WORK not in names
    assert len((tuned.out / "held_out_speakers.txt").read_text().split()) == 5
    assert list(tuned.out.rglob(CHECKPOINT)) == []
    assert tuned.fingerprint == fingerprint(tuned.out) != fingerprint(base)
    wave = person(0, 1.5, 9)
    plain = EncoderClassifier.from_hparams(source=str(tuned.out))
    row = torch.nn.functional.normalize(plain.encode_batch(torch.from_numpy(wave)[None])[0]).numpy()
    graph = OnnxEncoder.load(tuned.out / "model.onnx")
    assert float((graph.embed([wave]) * row).sum()) > 0.99999
    assert graph.fingerprint == SpeechBrainEncoder.load(str(tuned.out)).fingerprint == tuned.fingerprint
    assert float((SpeechBrainEncoder.load(str(base)).embed([wave]) * row).sum()) < 0.99999  # it did learn something


def test_card_and_report_say_where_it_comes_from(tuned: Finetuned) -> None:
    trained_on = SpeechBrainEncoder.load(str(tuned.out)).trained_on
    assert trained_on == ("whatever tiny was trained on", "ours (3 speakers)")
    figures = tuned.figures
    assert (figures.speakers, figures.held_out_speakers, figures.steps) == (3, 5, STEPS.steps)
    assert figures.eer is not None
    assert figures.eer.before.low <= figures.eer.before.value <= figures.eer.before.high
    readme = (tuned.out / "README.md").read_text()
    assert "speakerid finetune --data ours" in readme
    assert tuned.fingerprint in readme
    assert f"| after | {figures.eer.after.value:.2f} |" in readme


def test_the_loss_falls(tuned: Finetuned, losses: list[float]) -> None:
    assert len(losses) == STEPS.steps
    assert np.mean(losses[-8:]) < np.mean(losses[4:12])


def test_what_the_base_was_trained_on_is_passed_on(options: FinetuneOptions, base: Path, light: None) -> None:
    known = Path(shutil.copytree(base, options.out.with_name("known")))
    (known / "card.json").write_text(json.dumps({"name": "tiny", "trained_on": ["made-up voices"]}))
    finetune(replace(options, encoder=str(known)))
    assert SpeechBrainEncoder.load(str(options.out)).trained_on == ("made-up voices", "ours (3 speakers)")


@pytest.mark.slow
def test_a_published_file_no_longer_points_at_the_hub(options: FinetuneOptions, tmp_path: Path) -> None:
    published = write_xvector(tmp_path / "xvect")
    text = (published / "hyperparams.yaml").read_text()
    classifier = "# Theirs\nclassifier: !new:torch.nn.Linear\n    in_features: 24\n    out_features: 7205\n\n# More\n"
    (published / "hyperparams.yaml").write_text(f"# Model of somebody\n{classifier}{text}")
    finetune(replace(options, encoder=str(published)))
    written = (options.out / "hyperparams.yaml").read_text()
    assert "pretrained_path" not in written
    assert "nobody" not in written
    assert "7205" not in written
    assert SpeechBrainEncoder.load(str(options.out)).dim == 24


def test_a_worse_model_is_refused_and_the_same_command_may_keep_it(
    options: FinetuneOptions, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = (EerInterval(value, 0.0, 9.0, 10, 10) for value in (3.0, 4.0))
    monkeypatch.setattr(module, "compare", lambda *_: EerComparison(before, after, EerChange(0.5, 1.5)))
    options.out.mkdir()
    (options.out / "README.md").write_text("the one before")
    with pytest.raises(ModelGotWorse, match=r"3\.00 % to 4\.00 %"):
        finetune(replace(options, allow_worse=False))
    assert (options.out / "README.md").read_text() == "the one before"
    assert not (options.out / "hyperparams.yaml").exists()
    steps: list[StepProgress] = []
    finetune(options, TrainingProgress(step=steps.append))
    assert steps == []  # what was trained is saved, nothing is trained again
    assert (options.out / "hyperparams.yaml").exists()


def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    options: FinetuneOptions, tuned: Finetuned, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", _killed_after(15))
        with pytest.raises(KeyboardInterrupt):
            finetune(options)
    assert [path.name for path in options.out.iterdir()] == [WORK]
    steps: list[StepProgress] = []
    resumed = finetune(options, TrainingProgress(step=steps.append))
    assert [seen.step for seen in steps] == list(range(16, STEPS.steps + 1))
    assert resumed.fingerprint == tuned.fingerprint


def _killed_after(steps: int) -> Callable[..., None]:
    def run(trainer: Trainer, _: object) -> None:
        taken = trainer.steps()
        for _ in range(steps):
            next(taken)
        trainer.save()
        next(taken)  # lost with the process
        raise KeyboardInterrupt

    return run


def test_a_work_folder_of_other_options_is_not_mixed_up(
    options: FinetuneOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "run", _killed_after(2))
    with pytest.raises(KeyboardInterrupt):
        finetune(options)
    with pytest.raises(CheckpointMismatch, match="differs in options and steps"):
        finetune(replace(options, loop=replace(STEPS, steps=9)))


def test_a_full_disk_is_named_and_loses_nothing(
    options: FinetuneOptions, tuned: Finetuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tuned.out, options.out)

    def full(state: object, out: Any) -> None:
        out.write(b"partial")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointWriteFailed, match="No space left"):
        finetune(options)
    assert fingerprint(options.out) == tuned.fingerprint


def test_a_disk_full_while_the_training_set_is_written_is_named(
    options: FinetuneOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "audio.i16")

    monkeypatch.setattr("speakerid.training.training_set.build", full)
    with pytest.raises(CheckpointWriteFailed, match=r"audio\.i16 failed \(No space left"):
        finetune(options)


def test_bad_files_are_left_out_and_counted(
    options: FinetuneOptions, people: Path, tmp_path: Path, light: None
) -> None:
    data = tmp_path / "data"
    shutil.copytree(people, data)
    (data / "p0" / "bad.wav").write_text("not audio")
    (data / "p1" / "cut.wav").write_bytes((data / "p1" / "0.wav").read_bytes()[:400])
    shutil.copy(write_people(tmp_path / "short", 1, 1, 0.4) / "p0" / "0.wav", data / "p2" / "short.wav")
    made = finetune(replace(options, data=data, loop=FEW))
    assert made.usable.left_out_codes == {"unreadable_training_audio": 2, "training_audio_too_short": 1}
    lines = (options.out / "left_out.txt").read_text().splitlines()
    assert {Path(one.split(" ")[1]).name for one in lines} == {"bad.wav", "cut.wav", "short.wav"}


@pytest.mark.parametrize(
    ("found", "error"),
    [(0, NoTrainingAudio), (1, TooFewSpeakers), (6, NoHeldOutSpeakers)],
)
def test_too_few_speakers_are_refused(
    options: FinetuneOptions, tmp_path: Path, found: int, error: type[Exception]
) -> None:
    data = write_people(tmp_path / "few", found, 1)
    data.mkdir(exist_ok=True)
    with pytest.raises(error):
        finetune(replace(options, data=data))
    assert not options.out.exists()


def test_nothing_but_short_files_is_refused(options: FinetuneOptions, tmp_path: Path) -> None:
    with pytest.raises(NoTrainingAudio):
        finetune(replace(options, data=write_people(tmp_path / "short", 3, 1, 0.4)))


def test_going_unchecked_must_be_asked_for(options: FinetuneOptions, tmp_path: Path, light: None) -> None:
    data = write_people(tmp_path / "three", 3, 1)
    with pytest.raises(UncheckedModel):
        finetune(replace(options, held_out=0.0, allow_worse=False))
    made = finetune(replace(options, held_out=0.0, data=data, loop=FEW))
    assert (made.figures.eer, made.figures.speakers) == (None, 3)
    assert "nothing is known about how good" in (options.out / "README.md").read_text()


@pytest.mark.parametrize("encoder", ["model.onnx", "fake"])
def test_what_has_no_weights_cannot_be_tuned(options: FinetuneOptions, encoder: str) -> None:
    with pytest.raises(NotTrainable) as caught:
        finetune(replace(options, encoder=encoder))
    assert caught.value.code == "not_trainable"


def test_a_copy_that_gives_other_embeddings_is_not_kept(
    options: FinetuneOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "standalone_yaml", lambda text, *_: text.replace("top_db, 50.0", "top_db, 5.0"))
    with pytest.raises(UnfaithfulCopy):
        finetune(options)
    assert [path.name for path in options.out.iterdir()] == [WORK]


def test_the_head_learns_first_and_early_layers_slowly(
    options: FinetuneOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, float]] = []

    def watch(trainer: Trainer, _: object) -> None:
        for _ in trainer.steps():
            head, *net = trainer.task.optimizer.param_groups
            seen.append({"head": head["lr"], "first": net[0]["lr"], "last": net[-1]["lr"]})
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run", watch)
    with pytest.raises(KeyboardInterrupt):
        finetune(replace(options, loop=replace(STEPS, steps=10), tune=replace(TUNE, head_share=0.3)))
    assert [one["last"] == 0 for one in seen] == [True] * 4 + [False] * 6  # the climb begins at nothing
    assert all(one["head"] > one["last"] > one["first"] for one in seen[4:])
