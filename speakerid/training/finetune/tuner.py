"""Fine-tuning step by step: the head alone first, then the net too, layers near the input more slowly.

The head is an additive angular margin (Deng et al. 2019, https://arxiv.org/abs/1801.07698) over the user's voices that
starts at the base encoder's own voiceprints. Batch norms keep the statistics of the base: small sets of speakers would
spoil them. A second term keeps each damaged crop near the base's embedding of the clean utterance, which is what keeps
the encoder from forgetting everybody else.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.training.augment import Augmenter
from speakerid.training.crops import Sampler
from speakerid.training.devices import bf16_pays
from speakerid.training.errors import CheckpointMismatch
from speakerid.training.finetune.base import BaseEncoder, layers
from speakerid.training.loop import CHECKPOINT, HISTORY, Average, read_checkpoint
from speakerid.training.storage import write_atomically
from speakerid.training.training_set import TrainingSet
from speakerid.training.watch import Seen


@dataclass(frozen=True)
class TuneOptions:
    steps: int = 400
    head_share: float = 0.15  # of the steps, with the net frozen
    head_rate: float = 1e-2
    rate: float = 2e-4  # of the last layer; each one before it gets `layer_decay` times that
    layer_decay: float = 0.8
    keep: float = 1.0  # weight of staying near the base
    margin: float = 0.2
    scale: float = 30.0
    clip_norm: float = 3.0
    average_decay: float = 0.99
    checkpoint_every_s: float = 60.0
    log_every: int = 5
    seed: int = 1


class MarginHead(nn.Module):
    """`centers` `(voices, dim)`, rows of any length."""

    def __init__(self, centers: Tensor, options: TuneOptions) -> None:
        super().__init__()
        self.centers = nn.Parameter(centers.clone())
        self._options = options

    def forward(self, embeddings: Tensor, voice: Tensor) -> Tensor:
        cosines = functional.normalize(embeddings) @ functional.normalize(self.centers).T
        own = cosines.gather(1, voice[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        moved = torch.cos((own.acos() + self._options.margin).clamp(max=math.pi))
        return functional.cross_entropy(cosines.scatter(1, voice[:, None], moved) * self._options.scale, voice)


class Tuner:
    """Owns everything a checkpoint must bring back."""

    def __init__(
        self,
        folder: Path,
        base: BaseEncoder,
        bank: TrainingSet,
        sampler: Sampler,
        augment: Augmenter,
        options: TuneOptions,
    ) -> None:
        self.folder, self.options, self._base = folder, options, base
        self._sampler, self._augment = sampler, augment
        self._voice = torch.from_numpy(bank.voice).to(base.device)
        self._target = torch.from_numpy(bank.taught[0]).to(base.device)
        self.head = MarginHead(_voiceprints(self._target, self._voice), options)
        base.net.requires_grad_(True)
        self._optimizer = torch.optim.AdamW(self._groups(), lr=options.rate, weight_decay=0.0)
        self._dtype = torch.bfloat16 if bf16_pays(base.device) else torch.float32
        self.average = Average(base.net, options.average_decay)
        self.random = np.random.default_rng(options.seed)
        self.step, self.elapsed_s = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self.resume()

    def _groups(self) -> list[dict[str, object]]:
        found = layers(self._base.net)
        groups: list[dict[str, object]] = [
            {"params": list(layer.parameters()), "share": self.options.layer_decay ** (len(found) - 1 - i)}
            for i, layer in enumerate(found)
        ]
        return [{"params": list(self.head.parameters()), "share": 0.0}, *groups]

    def run(self, on_progress: Callable[[Seen], None] = lambda seen: None) -> None:
        """To the last step, and leaves a last checkpoint."""
        saved_at = began = time.monotonic()
        before_s, begun_with = self.elapsed_s, self.step
        for loss in self._steps():
            now = time.monotonic()
            self.elapsed_s = before_s + now - began
            if self.step % self.options.log_every == 0:
                on_progress(self._report(loss))
            if now - saved_at > self.options.checkpoint_every_s:
                self.save()
                saved_at = now
        if self.step > begun_with:
            self.save()

    def _steps(self) -> Iterator[dict[str, Tensor]]:
        while self.step < self.options.steps:
            yield self._one_step()

    def _one_step(self) -> dict[str, Tensor]:
        self._set_rates()
        batch = self._sampler.draw(self.random)
        entry = batch.entry.to(self._base.device)
        features = self._base.features(self._augment(batch.clean, self.random))
        with torch.set_grad_enabled(not self._head_only()):
            embeddings = self._base.forward(features, self._dtype)
        margin = self.head(embeddings, self._voice[entry])
        cosine = functional.cosine_similarity(embeddings, self._target[entry]).mean()
        total = margin + self.options.keep * (1 - cosine)
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self._base.net.parameters(), self.options.clip_norm)
        self._optimizer.step()
        self.step += 1
        if not self._head_only():
            self.average.update(self._base.net, self.step)
        return {"loss": total, "margin": margin, "cosine": cosine}

    def _head_only(self) -> bool:
        return self.step < self.options.head_share * self.options.steps

    def _set_rates(self) -> None:
        head, *net = self._optimizer.param_groups
        head["lr"] = self.options.head_rate * _fall(self.step / self.options.steps)
        for group in net:
            group["lr"] = group["share"] * learning_rate(self.step / self.options.steps, self.options)

    def _report(self, parts: dict[str, Tensor]) -> Seen:
        rate = learning_rate(self.step / self.options.steps, self.options)
        line = {"step": self.step, "elapsed_s": round(self.elapsed_s, 1), "learning_rate": rate}
        with (self.folder / HISTORY).open("a") as out:
            out.write(json.dumps(line | {name: part.item() for name, part in parts.items()}) + "\n")
        eta_s = self.elapsed_s / self.step * (self.options.steps - self.step)
        return Seen(self.step, self.step / self.options.steps, eta_s, parts["loss"].item())

    def save(self) -> None:
        state = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "net": self._base.net.state_dict(),
            "average": self.average.weights,
            "head": self.head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": self.random.bit_generator.state,
        }
        write_atomically(self.folder / CHECKPOINT, lambda out: torch.save(state, out))

    def resume(self) -> None:
        """Raises `CheckpointMismatch` for the checkpoint of another encoder or of other voices."""
        path = self.folder / CHECKPOINT
        state = read_checkpoint(path)
        try:
            self._base.net.load_state_dict(state["net"])
            self.head.load_state_dict(state["head"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointMismatch(path, "it belongs to another encoder or to other voices") from error
        self.average.weights = {name: value.to(self._base.device) for name, value in state["average"].items()}
        self.random.bit_generator.state = state["random"]
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]


def learning_rate(share: float, options: TuneOptions) -> float:
    """Of the last layer: nothing while the head learns alone, a short climb, then half a cosine down."""
    since = (share - options.head_share) / max(1 - options.head_share, 1e-9)
    return options.rate * min(since / 0.1, 1.0) * _fall(since) if since >= 0 else 0.0


def _fall(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def _voiceprints(target: Tensor, voice: Tensor) -> Tensor:
    """The mean embedding of every voice, `(voices, dim)`."""
    sums = torch.zeros(int(voice.max()) + 1, target.shape[1], device=target.device)
    return functional.normalize(sums.index_add_(0, voice, target))
