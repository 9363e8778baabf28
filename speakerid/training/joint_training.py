"""A backbone and the head on it trained together, on labeled recordings of any length."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.backbones import filled_up
from speakerid.classification.heads import Head, Wide
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.loop import LoopOptions, Terms, Trainer, mixed_precision, warmup_cosine
from speakerid.training.rooms import make_room
from speakerid.training.tuner import BaseEncoder, layers
from speakerid.types import FloatArray

LONGEST = 3 * SAMPLE_RATE_HZ  # of a crop; longer recordings are cut at random
GRID = SAMPLE_RATE_HZ // 4  # of crops: the augmenter keeps what it computes for a length
JITTER = 0.2  # of a length: batches hold recordings of about one length, but not the same ones every time
WARMUP = 0.1  # of the steps
ROOMS = 30
# Speech of others behind it would be another label's, and real codecs cost more time than all else.
MILD = AugmentOptions(
    intact=0.4, room=0.3, noise=0.4, snr_db=(8.0, 30.0), babble=0.0, equalizer=0.5, low_pass=0.1, narrow=0.1,
    high_pass=0.2, gate=0.1, gaps=0.0, clip=0.02, coded=0.0, floor=0.3,
)  # fmt: skip
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class JointOptions:
    epochs: int = 12
    steps: int = 400  # at most, however many recordings there are
    batch: int = 16
    checks: int = 4  # how often held-out speakers are asked
    rate: float = 1e-3  # of the backbone's last layer; each one before it gets `layer_decay` times that
    layer_decay: float = 0.8
    head_rate: float = 3e-3
    average_decay: float = 0.95
    seed: int = 1
    augment: AugmentOptions = field(default_factory=lambda: MILD)

    def steps_for(self, recordings: int) -> int:
        """A multiple of `checks`."""
        wanted = min(self.epochs * -(-recordings // self.batch), self.steps)
        return self.checks * max(1, round(wanted / self.checks))


@dataclass(frozen=True)
class LabeledWaveforms:
    waveforms: Sequence[FloatArray]
    labels: NDArray[np.str_]

    def part(self, chosen: NDArray[np.intp]) -> LabeledWaveforms:
        return LabeledWaveforms([self.waveforms[nth] for nth in chosen], self.labels[chosen])


class JointNet(nn.Module):
    """Features `(batch, frames, mels)` to logits `(batch, labels)`; begins as `head` on the base's embeddings."""

    center: Tensor
    scale: Tensor

    def __init__(self, base: BaseEncoder, head: Head) -> None:
        super().__init__()
        self.device = base.device
        self.backbone = copy.deepcopy(base.net).requires_grad_(True)
        self.linear = nn.Linear(head.weights.shape[1], head.weights.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(head.weights)))
            self.linear.bias.copy_(torch.from_numpy(head.bias))
        for name in ("center", "scale"):
            self.register_buffer(name, torch.from_numpy(np.asarray(getattr(head, name), np.float32).copy()))
        self.to(base.device).eval()  # batch norms keep the statistics of the base

    def forward(self, features: Tensor) -> Tensor:
        with mixed_precision(self.device) if torch.is_grad_enabled() else nullcontext():  # served in float32
            vectors = self.backbone(features)
        unit = functional.normalize(vectors.reshape(len(features), -1).float())
        return cast(Tensor, self.linear((unit - self.center) / self.scale))

    def head(self, start: Head) -> Head:
        """`start` with the weights that were learned."""
        weights, bias = (one.detach().cpu().numpy().copy() for one in (self.linear.weight, self.linear.bias))
        return replace(start, weights=weights, bias=bias)


class Batches:
    """Each recording once an epoch, among others of about its length."""

    def __init__(self, waveforms: Sequence[FloatArray], size: int) -> None:
        self._waveforms = [filled_up(one) for one in waveforms]
        self._lengths = np.array([min(len(one), LONGEST) for one in self._waveforms])
        self._size = size
        self._queue: list[NDArray[np.intp]] = []

    def draw(self, random: np.random.Generator) -> tuple[NDArray[np.intp], Tensor]:
        """Which recordings, and their crops `(batch, samples)`."""
        if not self._queue:
            order = np.argsort(self._lengths * random.uniform(1 - JITTER, 1 + JITTER, len(self._lengths)))
            rows = np.array_split(order, -(-len(order) // self._size))
            self._queue = [rows[nth] for nth in random.permutation(len(rows))]
        chosen = self._queue.pop()
        size = GRID * max(2, round(float(np.median(self._lengths[chosen])) / GRID))
        crops = [_of_length(self._waveforms[nth], size, random) for nth in chosen]
        return chosen, torch.from_numpy(np.stack(crops))


def _of_length(waveform: FloatArray, size: int, random: np.random.Generator) -> FloatArray:
    """A part of `waveform` at random, or all of it with silence on either side."""
    at = int(random.integers(0, abs(len(waveform) - size) + 1))
    if len(waveform) >= size:
        return waveform[at : at + size]
    return np.pad(waveform, (at, size - len(waveform) - at))


def augmenter(options: JointOptions) -> Augmenter:
    random = np.random.default_rng(options.seed)
    return Augmenter([make_room(random) for _ in range(ROOMS)], [], options.augment)


class JointTask:
    """Labels count alike, however many recordings they have."""

    def __init__(
        self, base: BaseEncoder, head: Head, material: LabeledWaveforms, augment: Augmenter, options: JointOptions
    ) -> None:
        self._base, self._options, self._augment = base, options, augment
        self._batches = Batches(material.waveforms, options.batch)
        label = np.searchsorted(head.labels, material.labels)
        counts = np.bincount(label, minlength=len(head.labels))
        weights = len(label) / (len(head.labels) * np.maximum(counts, 1))
        self._label = torch.from_numpy(label).to(base.device)
        self._weights = torch.from_numpy(weights.astype(np.float32)).to(base.device)
        self.net = JointNet(base, head)
        self.head = nn.Identity()  # nothing is thrown away afterwards
        self.optimizer = torch.optim.AdamW(self._groups(), lr=options.rate, weight_decay=0.0)

    def _groups(self) -> list[dict[str, object]]:
        found = layers(self.net.backbone)
        backbone: list[dict[str, object]] = [
            {
                "params": list(layer.parameters()),
                "rate": self._options.rate * self._options.layer_decay ** (len(found) - 1 - nth),
            }
            for nth, layer in enumerate(found)
        ]
        return [{"params": list(self.net.linear.parameters()), "rate": self._options.head_rate}, *backbone]

    def set_rates(self, share: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * warmup_cosine(share, WARMUP)

    def losses(self, share: float, random: np.random.Generator) -> Terms:
        chosen, waves = self._batches.draw(random)
        label = self._label[torch.from_numpy(chosen).to(self._label.device)]
        logits = self.net(self._base.features(self._augment(waves, random)))
        found = functional.cross_entropy(logits, label, reduction="none")
        return {"loss": (found * self._weights[label]).mean()}


def train_jointly(
    base: BaseEncoder, head: Head, material: LabeledWaveforms, augment: Augmenter, options: JointOptions, steps: int
) -> Iterator[tuple[int, Weights]]:
    """Step after step of a schedule of `steps`, with the averaged weights of a JointNet after each."""
    with TemporaryDirectory() as folder:
        task = JointTask(base, head, material, augment, options)
        loop = LoopOptions(steps=steps, average_decay=options.average_decay, seed=options.seed)
        trainer = Trainer(Path(folder), task, loop)
        for _ in trainer.steps():
            yield trainer.step, trainer.average.weights


@torch.no_grad()
def logits_of(net: JointNet, base: BaseEncoder, waveforms: Sequence[FloatArray]) -> Wide:
    """`(recordings, labels)`, of each as a whole."""
    rows = [net(base.features(torch.from_numpy(filled_up(one))[None]))[0].double().cpu().numpy() for one in waveforms]
    return np.stack(rows)
