from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from torch import nn

from speakerid.training.errors import CheckpointMismatch, CheckpointWriteFailed, DeviceMissing
from speakerid.training.loop import (
    CHECKPOINT,
    HISTORY,
    LoopOptions,
    StepProgress,
    Terms,
    Trainer,
    pick_device,
    read_checkpoint,
    warmup_cosine,
)

OPTIONS = LoopOptions(steps=6, log_every=1, checkpoint_every_s=1e9)


class Regression:
    """A net that learns to give zeros; both random generators take part."""

    def __init__(self, width: int = 4) -> None:
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))
        self.head = nn.Linear(width, 2)
        self.optimizer = torch.optim.AdamW([*self.net.parameters(), *self.head.parameters()], lr=0.0)

    def set_rates(self, share: float) -> None:
        self.optimizer.param_groups[0]["lr"] = 0.1 * warmup_cosine(share, 0.04)

    def losses(self, share: float, random: np.random.Generator) -> Terms:
        rows = torch.from_numpy(random.standard_normal((8, 3)).astype(np.float32)) + 0.1 * torch.randn(8, 3)
        loss = self.head(self.net(rows)).square().mean()
        return {"loss": loss, "half": loss / 2}


def make_trainer(folder: Path, options: LoopOptions = OPTIONS, width: int = 4) -> Trainer:
    return Trainer(folder, Regression(width), options)


def test_the_loss_falls_and_every_step_is_written_down(tmp_path: Path) -> None:
    seen: list[StepProgress] = []
    make_trainer(tmp_path, replace(OPTIONS, steps=25)).run(seen.append)
    assert [one.step for one in seen] == list(range(1, 26))
    assert seen[-1].loss < 0.5 * seen[0].loss
    assert (seen[-1].share, seen[-1].eta_s) == (1.0, 0.0)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert len(lines) == 25
    assert lines[3]["half"] == pytest.approx(lines[3]["loss"] / 2)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole")
    whole.run()
    killed = make_trainer(tmp_path / "killed")
    steps = killed.steps()
    for _ in range(3):
        next(steps)
    killed.save()
    next(steps)  # lost with the process
    resumed = make_trainer(tmp_path / "killed")
    assert resumed.step == 3
    resumed.run()
    for name, value in whole.task.net.state_dict().items():
        assert torch.equal(value, resumed.task.net.state_dict()[name]), name
        assert torch.equal(whole.average.weights[name], resumed.average.weights[name]), name


def test_another_net_cannot_be_resumed(tmp_path: Path) -> None:
    make_trainer(tmp_path).save()
    with pytest.raises(CheckpointMismatch, match="another encoder") as caught:
        make_trainer(tmp_path, width=5)
    assert caught.value.code == "checkpoint_mismatch"


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    path.write_bytes(b"half a checkpoint")
    with pytest.raises(CheckpointMismatch, match="cannot be read"):
        read_checkpoint(path)


def test_a_full_disk_while_saving_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(tmp_path)
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    trainer.run()  # leaves a later one
    after = (tmp_path / CHECKPOINT).read_bytes()
    assert after != before
    monkeypatch.setattr(torch, "save", _disk_full)
    with pytest.raises(CheckpointWriteFailed, match="No space left") as caught:
        trainer.save()
    assert caught.value.code == "checkpoint_write_failed"
    assert (tmp_path / CHECKPOINT).read_bytes() == after
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_a_time_budget_ends_the_run(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, replace(OPTIONS, steps=10_000_000, budget_s=0.3))
    trainer.run()
    assert 0 < trainer.step < 10_000_000
    assert trainer.elapsed_s >= 0.3
    assert trainer.share == 1.0


def test_the_rate_climbs_then_falls() -> None:
    rates = [warmup_cosine(share, 0.04) for share in np.linspace(0, 1, 101)]
    top = int(np.argmax(rates))
    assert (rates[0], rates[top], top) == (0.0, 1.0, 4)
    assert rates[-1] == pytest.approx(0.0)
    assert all(a >= b for a, b in zip(rates[top:], rates[top + 1 :], strict=False))


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device(None) == "cpu"
    with pytest.raises(DeviceMissing, match="no cuda device"):
        pick_device("cuda")


def _disk_full(state: object, out: BinaryIO) -> None:
    out.write(b"partial")
    raise OSError(errno.ENOSPC, "No space left on device")
