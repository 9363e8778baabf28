"""The training loop: step after step, a checkpoint every minute, resumed after a kill as if nothing had happened."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from speakerid.training.errors import CheckpointMismatch, DeviceMissing
from speakerid.training.work_folder import write_atomically

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.jsonl"
Device = Literal["cpu", "cuda"]
Terms = dict[str, Tensor]  # scalars; "loss" is what is minimized


class TrainingTask(Protocol):
    """What is learned, and from what."""

    @property
    def net(self) -> nn.Module:
        """The encoder, whose averaged weights are what training gives."""

    @property
    def head(self) -> nn.Module:
        """What is learned beside it and thrown away afterwards."""

    @property
    def optimizer(self) -> torch.optim.Optimizer: ...

    def set_rates(self, share: float) -> None:
        """`share` of the schedule, 0 to 1."""

    def losses(self, share: float, random: np.random.Generator) -> Terms: ...


@dataclass(frozen=True)
class LoopOptions:
    """`budget_s` ties the schedule to training time instead of `steps`; then `steps` is only an upper bound."""

    steps: int = 20_000
    budget_s: float | None = None
    clip_norm: float = 3.0
    average_decay: float = 0.999
    checkpoint_every_s: float = 60.0
    log_every: int = 10
    seed: int = 1


@dataclass(frozen=True)
class StepProgress:
    step: int
    share: float  # of the whole run, 0 to 1
    eta_s: float
    loss: float


@dataclass(frozen=True)
class TrainingProgress:
    """Callbacks of a display. `files` and `items` get how many of how many are done."""

    files: Callable[[int, int], None] = lambda done, total: None
    items: Callable[[int, int], None] = lambda done, total: None
    step: Callable[[StepProgress], None] = lambda progress: None


class Trainer:
    """Owns everything a checkpoint must bring back: weights, their average, optimizer, random state, time spent."""

    def __init__(self, folder: Path, task: TrainingTask, options: LoopOptions) -> None:
        """Raises `CheckpointMismatch` when `folder` holds the checkpoint of another task."""
        self.folder, self.task, self.options = folder, task, options
        self.average = Average(task.net, options.average_decay)
        self.random = np.random.default_rng(options.seed)
        self.step, self.elapsed_s = 0, 0.0
        torch.manual_seed(options.seed)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self.resume()

    def run(self, on_progress: Callable[[StepProgress], None] = lambda progress: None) -> None:
        """Trains to the end of the schedule and leaves a last checkpoint."""
        saved_at = began = time.monotonic()
        before_s, begun_with = self.elapsed_s, self.step
        for terms in self.steps():
            now = time.monotonic()
            self.elapsed_s = before_s + now - began
            if self.step % self.options.log_every == 0:
                on_progress(self._report(terms))
            if now - saved_at > self.options.checkpoint_every_s:
                self.save()
                saved_at = now
        if self.step > begun_with:
            self.save()

    def steps(self) -> Iterator[Terms]:
        while self.step < self.options.steps and self.share < 1:
            yield self._one_step()

    @property
    def share(self) -> float:
        """Of the schedule, 0 to 1."""
        if self.options.budget_s is None:
            return self.step / self.options.steps
        return min(self.elapsed_s / self.options.budget_s, 1.0)

    def _one_step(self) -> Terms:
        task, share = self.task, self.share
        task.set_rates(share)
        terms = task.losses(share, self.random)
        task.optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()  # type: ignore[no-untyped-call]  # torch leaves backward untyped
        torch.nn.utils.clip_grad_norm_(task.net.parameters(), self.options.clip_norm)
        task.optimizer.step()
        self.step += 1
        self.average.update(task.net, self.step)
        return terms

    def _report(self, terms: Terms) -> StepProgress:
        rate = self.task.optimizer.param_groups[-1]["lr"]
        line = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1), "learning_rate": rate}
        with (self.folder / HISTORY).open("a") as out:
            out.write(json.dumps(line | {name: term.item() for name, term in terms.items()}) + "\n")
        eta_s = self.elapsed_s * (1 - self.share) / max(self.share, 1e-9)
        return StepProgress(self.step, self.share, eta_s, terms["loss"].item())

    def save(self) -> None:
        state = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "net": self.task.net.state_dict(),
            "average": self.average.weights,
            "head": self.task.head.state_dict(),
            "optimizer": self.task.optimizer.state_dict(),
            "random": self.random.bit_generator.state,
            "torch_random": torch.get_rng_state(),
        }
        write_atomically(self.folder / CHECKPOINT, lambda out: torch.save(state, out))

    def resume(self) -> None:
        """Raises `CheckpointMismatch` for the checkpoint of another encoder or of other speech."""
        path = self.folder / CHECKPOINT
        state = read_checkpoint(path)
        try:
            self.task.net.load_state_dict(state["net"])
            self.task.head.load_state_dict(state["head"])
            self.task.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["torch_random"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointMismatch(path, "it belongs to another encoder or to other speech") from error
        for name, value in state["average"].items():
            self.average.weights[name].copy_(value)
        self.random.bit_generator.state = state["random"]
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]


class Average:
    """Running mean of weights and batch-norm statistics (Polyak; Tarvainen & Valpola 2017), quick at first."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._decay = decay
        self.weights: dict[str, Tensor] = {name: value.clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        keep = min(self._decay, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - keep)
            else:
                self.weights[name].copy_(value)


def warmup_cosine(share: float, warmup: float) -> float:
    """A climb from 0 to 1 while `share` is below `warmup`, then half a cosine down (Loshchilov & Hutter 2017)."""
    if share < warmup:
        return share / warmup
    return 0.5 * (1 + math.cos(math.pi * (min(share, 1.0) - warmup) / (1 - warmup)))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Raises `CheckpointMismatch` when the file is not a checkpoint."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's unpickler fails with whatever it trips over
        raise CheckpointMismatch(path, f"it cannot be read: {error}") from error
    return state


def pick_device(wanted: Device | None) -> Device:
    """`wanted`, or CUDA where there is some. Raises `DeviceMissing`."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise DeviceMissing(wanted)
    return wanted or ("cuda" if available else "cpu")


def mixed_precision(device: Device) -> torch.autocast:
    """Products in bfloat16 where they are faster, which is not so on every processor."""
    return torch.autocast(device, torch.bfloat16, enabled=bf16_pays(device))


def bf16_pays(device: Device) -> bool:
    """On CUDA from Ampere on; on processors with AMX tiles or AVX512-BF16, elsewhere it is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
