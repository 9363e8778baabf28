"""The training loop: step after step, a checkpoint every few minutes, resumed after a kill as if nothing happened."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from speakerid.training import timefirst
from speakerid.training.augment import Augmenter
from speakerid.training.crops import Sampler
from speakerid.training.errors import CheckpointMismatch
from speakerid.training.losses import DistillationLoss, LossParts
from speakerid.training.model import Student, StudentOptions
from speakerid.training.storage import write_atomically
from speakerid.training.toolkit import ECAPA_TDNN

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.jsonl"


class Schedule(Protocol):
    @property
    def peak_rate(self) -> float: ...
    @property
    def final_rate(self) -> float: ...
    @property
    def warmup_share(self) -> float: ...


@dataclass(frozen=True)
class LoopOptions:
    """`budget_s` ties the schedule to training time instead of `steps`; then `steps` is only an upper bound."""

    steps: int = 20_000
    budget_s: float | None = None
    peak_rate: float = 2e-3
    final_rate: float = 1e-5
    warmup_share: float = 0.04
    weight_decay: float = 0.01
    clip_norm: float = 3.0
    average_decay: float = 0.999
    checkpoint_every_s: float = 180.0
    log_every: int = 50
    bf16: bool = False
    seed: int = 1


@dataclass(frozen=True)
class Progress:
    step: int
    share: float  # of the schedule, 0 to 1
    elapsed_s: float
    eta_s: float
    learning_rate: float
    parts: LossParts


class Trainer:
    """Owns everything a checkpoint must bring back: weights, their average, optimizer, random state, time spent."""

    def __init__(
        self,
        folder: Path,
        student: StudentOptions,
        sampler: Sampler,
        augment: Augmenter,
        loss: DistillationLoss,
        options: LoopOptions,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.folder = folder
        self.student_options = student
        self.options = options
        torch.manual_seed(options.seed)
        self.student = Student(student)
        if start is not None:
            self.student.embedding_model.load_state_dict(start)
        self.average = Average(self.student.embedding_model, options.average_decay)
        self.random = np.random.default_rng(options.seed)
        self.step = 0
        self.elapsed_s = 0.0
        self._sampler, self._augment, self._loss = sampler, augment, loss
        parameters = [*self.student.embedding_model.parameters(), *loss.parameters()]
        self._optimizer = torch.optim.AdamW(
            parameters, lr=options.peak_rate, weight_decay=options.weight_decay, fused=True
        )
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self.resume()

    def run(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        """Trains to the end of the schedule and leaves a last checkpoint."""
        self.student.train()
        saved_at = began = time.monotonic()
        before_s = self.elapsed_s
        for parts in self._steps():
            now = time.monotonic()
            self.elapsed_s = before_s + now - began
            if self.step % self.options.log_every == 0:
                self._report(parts, on_progress)
            if now - saved_at > self.options.checkpoint_every_s:
                self.save()
                saved_at = now
        self.save()

    def _steps(self) -> Iterator[LossParts]:
        while self.step < self.options.steps and self._share() < 1:
            yield self._one_step()

    def _one_step(self) -> LossParts:
        rate = learning_rate(self._share(), self.options)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        batch = self._sampler.draw(self.random)
        features = self.student.features(self._augment(batch.clean, self.random))
        net = cast(ECAPA_TDNN, self.student.embedding_model)
        embeddings = timefirst.forward(net, features, torch.bfloat16 if self.options.bf16 else torch.float32)
        parts: LossParts = self._loss(embeddings, batch.entry)
        self._optimizer.zero_grad(set_to_none=True)
        parts.total.backward()  # type: ignore[no-untyped-call]  # torch leaves backward untyped
        torch.nn.utils.clip_grad_norm_(net.parameters(), self.options.clip_norm)
        self._optimizer.step()
        self.step += 1
        self.average.update(net, self.step)
        return parts

    def _share(self) -> float:
        if self.options.budget_s is None:
            return self.step / self.options.steps
        return self.elapsed_s / self.options.budget_s

    def _report(self, parts: LossParts, on_progress: Callable[[Progress], None]) -> None:
        share = self._share()
        eta_s = self.elapsed_s * (1 - share) / max(share, 1e-9)
        progress = Progress(self.step, share, self.elapsed_s, eta_s, learning_rate(share, self.options), parts)
        line = {
            "step": self.step,
            "elapsed_s": round(self.elapsed_s, 1),
            "learning_rate": progress.learning_rate,
            "loss": parts.total.item(),
            "cosine": parts.cosine,
            "relation": parts.relation,
            "pairs": parts.pairs,
            "margin": parts.margin,
        }
        with (self.folder / HISTORY).open("a") as out:
            out.write(json.dumps(line) + "\n")
        on_progress(progress)

    def save(self) -> None:
        state = {
            "student": asdict(self.student_options),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "net": self.student.embedding_model.state_dict(),
            "average": self.average.weights,
            "loss": self._loss.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": self.random.bit_generator.state,
            "torch_random": torch.get_rng_state(),
        }
        write_atomically(self.folder / CHECKPOINT, lambda out: torch.save(state, out))

    def resume(self) -> None:
        """Raises `CheckpointMismatch` when the checkpoint belongs to another student or another set of voices."""
        path = self.folder / CHECKPOINT
        state = read_checkpoint(path)
        if state["student"] != asdict(self.student_options):
            raise CheckpointMismatch(path, "it holds a student of another shape")
        try:
            self._loss.load_state_dict(state["loss"])
        except RuntimeError as error:
            raise CheckpointMismatch(path, "it was trained on other voices") from error
        self.student.embedding_model.load_state_dict(state["net"])
        self.average.weights = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        self.random.bit_generator.state = state["random"]
        torch.set_rng_state(state["torch_random"])
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


def learning_rate(share: float, options: Schedule) -> float:
    """A straight climb, then half a cosine down (Loshchilov & Hutter 2017)."""
    if share < options.warmup_share:
        return options.peak_rate * max(share / options.warmup_share, 0.01)
    fall = (min(share, 1.0) - options.warmup_share) / (1 - options.warmup_share)
    return options.final_rate + (options.peak_rate - options.final_rate) * 0.5 * (1 + math.cos(math.pi * fall))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Raises `CheckpointMismatch` when the file is not a checkpoint of this loop."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's unpickler fails with whatever it trips over
        raise CheckpointMismatch(path, f"it cannot be read: {error}") from error
    return state
