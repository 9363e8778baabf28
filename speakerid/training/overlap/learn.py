"""Training of the overlap network: steps, checkpoints, what it finds in speech of speakers it never heard, export."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from speakerid.audio.overlap import HEARD, power_spectra
from speakerid.training.augment import Augmenter
from speakerid.training.data import Samples
from speakerid.training.export_onnx import OPSET
from speakerid.training.loop import Average, learning_rate
from speakerid.training.overlap.mixtures import Mixer
from speakerid.training.overlap.network import CLASSES, OverlapNetwork, Probabilities
from speakerid.training.storage import write_atomically

CHECKPOINT = "overlap.pt"
Labeled = tuple[Samples, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class LearnOptions:
    steps: int = 8_000
    batch: int = 24
    peak_rate: float = 2e-3
    final_rate: float = 1e-5
    warmup_share: float = 0.025
    weight_decay: float = 0.01
    clip_norm: float = 5.0
    average_decay: float = 0.999
    checkpoint_every: int = 500
    log_every: int = 100
    seed: int = 1


class Lessons(Dataset[tuple[Tensor, Tensor]]):
    """Batch `step` is the same whenever it is asked for: power spectra, and how many speak."""

    def __init__(self, mixer: Mixer, augment: Augmenter, options: LearnOptions) -> None:
        self._mixer = mixer
        self._augment = augment
        self._options = options

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self._options.seed, step))
        samples, labels = self._mixer.batch(self._options.batch, random)
        return spectra(self._augment(torch.from_numpy(samples), random)), torch.from_numpy(labels)


class Learner:
    """Goes on from the checkpoint in `folder`, if there is one."""

    def __init__(self, folder: Path, options: LearnOptions) -> None:
        self._file = folder / CHECKPOINT
        self._options = options
        torch.manual_seed(options.seed)
        self.network = OverlapNetwork()
        self.average = Average(self.network, options.average_decay)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=options.weight_decay)
        self.step = 0
        if self._file.is_file():
            self._restore()

    def run(self, lessons: Lessons, report: Callable[[str], None], workers: int) -> None:
        """To the last step of the schedule; `workers` processes make the conversations."""
        left = range(self.step, self._options.steps)
        began, losses = time.monotonic(), list[float]()
        # A loader without a generator of its own draws from the random state that a checkpoint brings back.
        own = torch.Generator()
        for power, labels in DataLoader(lessons, batch_size=None, sampler=left, num_workers=workers, generator=own):
            losses.append(self._learn(power, labels))
            self.step += 1
            if self.step % self._options.log_every == 0:
                left_s = (time.monotonic() - began) / (self.step - left.start) * (left.stop - self.step)
                report(f"step {self.step} loss {np.mean(losses):.4f} left {left_s / 60:.0f} min")
                losses.clear()
            if self.step % self._options.checkpoint_every == 0 or self.step == left.stop:
                self._save()

    def averaged(self) -> OverlapNetwork:
        """With the running mean of the weights, ready to be used."""
        network = OverlapNetwork()
        network.load_state_dict(self.average.weights)
        return network.eval()

    def _learn(self, power: Tensor, labels: Tensor) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step / self._options.steps, self._options)
        loss = nn.functional.cross_entropy(self.network.train()(power), labels)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), self._options.clip_norm)
        self._optimizer.step()
        self.average.update(self.network, self.step)
        return loss.item()

    def _save(self) -> None:
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.weights,
            "optimizer": self._optimizer.state_dict(),
            "torch_random": torch.get_rng_state(),
        }
        write_atomically(self._file, lambda out: torch.save(state, out))

    def _restore(self) -> None:
        state = torch.load(self._file, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.weights = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch_random"])


def spectra(samples: Tensor) -> Tensor:
    return torch.from_numpy(power_spectra(samples.numpy()))


@torch.no_grad()
def judge(network: OverlapNetwork, made: Labeled, augment: Augmenter) -> str:
    """How well frames in which two or more speak are told from those in which one does."""
    samples, labels = made
    heard = augment(torch.from_numpy(samples), np.random.default_rng(0))
    found = torch.cat([Probabilities(network)(spectra(rows)) for rows in torch.split(heard, 16)]).numpy()
    somebody = labels > 0
    truth, scores = (labels == CLASSES - 1)[somebody], found[somebody]
    precision = average_precision_score(truth, scores)
    hits = ((scores > 0.5) & truth).sum()
    f1 = 2 * hits / ((scores > 0.5).sum() + truth.sum())
    return f"held-out speakers: average precision {precision:.3f}, F1 at 0.5 {f1:.3f}, overlap {truth.mean():.3f}"


def export(network: OverlapNetwork, out: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probabilities(network).eval(),
            (spectra(torch.zeros(2, HEARD)),),
            str(out),
            input_names=["power"],
            output_names=["overlap"],
            dynamic_axes={"power": {0: "batch"}, "overlap": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
