from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch

from recipes.bundled_encoder.distillation_targets import targets
from recipes.bundled_encoder.teachers import Teachers
from speakerid.training import storage
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.crops import Sampler, Shape
from speakerid.training.errors import CheckpointMismatch, CheckpointWriteFailed
from speakerid.training.loop import (
    CHECKPOINT,
    HISTORY,
    LoopOptions,
    Progress,
    Trainer,
    learning_rate,
    read_checkpoint,
)
from speakerid.training.losses import DistillationLoss, LossOptions
from speakerid.training.model import StudentOptions
from speakerid.training.training_set import TrainingSet
from tests.training.voices import TINY, speak, tiny_bank

OPTIONS = LoopOptions(steps=6, peak_rate=5e-3, log_every=1, checkpoint_every_s=1e9)


def make_trainer(
    folder: Path, bank: TrainingSet, options: LoopOptions = OPTIONS, student: StudentOptions = TINY
) -> Trainer:
    torch.manual_seed(0)
    loss = DistillationLoss(targets(bank, Teachers.WEIGHTS, student.dim), torch.from_numpy(bank.voice), LossOptions())
    sampler = Sampler(bank, {"people": 0.7, "words": 0.3}, [Shape(8, 0.5)])
    return Trainer(folder, student, sampler, Augmenter([], [speak(60, 1.0)], AugmentOptions()), loss, options)


@pytest.fixture
def bank(tmp_path: Path) -> TrainingSet:
    return tiny_bank(tmp_path / "bank")


def test_some_steps_bring_the_student_nearer_to_the_teacher(tmp_path: Path, bank: TrainingSet) -> None:
    seen: list[Progress] = []
    options = replace(OPTIONS, steps=25)
    make_trainer(tmp_path / "run", bank, options).run(seen.append)
    assert len(seen) == 25
    cosines = [p.parts.cosine for p in seen]
    assert np.mean(cosines[-5:]) > np.mean(cosines[:5]) + 0.1
    assert seen[-1].share == 1.0
    assert len((tmp_path / "run" / HISTORY).read_text().splitlines()) == 25


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, bank: TrainingSet) -> None:
    whole = make_trainer(tmp_path / "whole", bank)
    whole.run()
    killed = make_trainer(tmp_path / "killed", bank)
    steps = killed._steps()
    for _ in range(3):
        next(steps)
    killed.save()
    next(steps)  # lost with the process
    resumed = make_trainer(tmp_path / "killed", bank)
    assert resumed.step == 3
    resumed.run()
    for name, value in whole.student.embedding_model.state_dict().items():
        assert torch.equal(value, resumed.student.embedding_model.state_dict()[name]), name
        assert torch.equal(whole.average.weights[name], resumed.average.weights[name]), name


def test_another_student_cannot_be_resumed(tmp_path: Path, bank: TrainingSet) -> None:
    make_trainer(tmp_path / "run", bank).save()
    with pytest.raises(CheckpointMismatch, match="another shape") as caught:
        make_trainer(tmp_path / "run", bank, student=replace(TINY, channels=32))
    assert caught.value.code == "checkpoint_mismatch"


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    path.write_bytes(b"half a checkpoint")
    with pytest.raises(CheckpointMismatch, match="cannot be read"):
        read_checkpoint(path)


def test_a_kill_or_full_disk_while_saving_keeps_the_checkpoint_before(
    tmp_path: Path, bank: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path / "run", bank)
    trainer.save()
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    trainer.run()  # leaves a later one
    after = (tmp_path / "run" / CHECKPOINT).read_bytes()
    assert after != before
    monkeypatch.setattr(torch, "save", _disk_full)
    with pytest.raises(CheckpointWriteFailed, match="No space left") as caught:
        trainer.save()
    assert caught.value.code == "checkpoint_write_failed"
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == after
    assert [p.name for p in (tmp_path / "run").iterdir() if p.name.endswith(".tmp")] == []


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    def write(out: BinaryIO) -> None:
        out.write(b"first half")
        assert not path.exists()
        out.write(b", second half")

    storage.write_atomically(path, write)
    assert path.read_bytes() == b"first half, second half"


def test_the_rate_climbs_then_falls() -> None:
    rates = [learning_rate(share, OPTIONS) for share in np.linspace(0, 1, 101)]
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(OPTIONS.peak_rate)
    assert top == 4
    assert rates[-1] == pytest.approx(OPTIONS.final_rate)
    assert all(a >= b for a, b in zip(rates[top:], rates[top + 1 :], strict=False))


def test_a_time_budget_ends_the_run(tmp_path: Path, bank: TrainingSet) -> None:
    trainer = make_trainer(tmp_path / "run", bank, replace(OPTIONS, steps=10_000, budget_s=0.5))
    trainer.run()
    assert 0 < trainer.step < 10_000
    assert trainer.elapsed_s >= 0.5


def _disk_full(state: object, out: BinaryIO) -> None:
    out.write(b"partial")
    raise OSError(errno.ENOSPC, "No space left on device")
