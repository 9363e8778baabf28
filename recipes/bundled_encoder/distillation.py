"""What the student is pulled towards: the teachers' vectors, their neighborhoods, a light margin between speakers.

Each teacher's vector is averaged over a speaker's utterances (a teacher is unsure of a short one), moved to mean zero,
normalized and weighted; side by side they are one vector whose cosine is the weighted mean of the teachers' cosines.
Its principal directions keep the student's embedding short. They are made of clean speech; the student gets a damaged
crop, and loses by
- cosine to its own target (Hinton et al. 2015 in embedding form);
- relations: softmax over similarities to many entries of the training set, student against teacher (after Park et al.
  2019, https://arxiv.org/abs/1904.05068, and the soft targets of https://arxiv.org/abs/1503.02531);
- similarities between the rows of a batch, squared error;
- additive angular margin with sub-centers (Deng et al. 2019, 2020) on the labeled speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from recipes.bundled_encoder.student import Student
from speakerid.training.augment import Augmenter
from speakerid.training.loop import Device, Terms, mixed_precision, warmup_cosine
from speakerid.training.toolkit import AdditiveAngularMargin
from speakerid.training.training_set import Sampler, TrainingSet
from speakerid.types import FloatArray


@dataclass(frozen=True)
class LossOptions:
    relation: float = 0.05
    temperature: float = 0.05
    anchors: int = 8192  # entries drawn for `relation` at each step
    pairs: float = 2.0
    margin_weight: float = 0.02
    margin: float = 0.2
    scale: float = 30.0
    subcenters: int = 2


@dataclass(frozen=True)
class RateOptions:
    peak: float = 2e-3
    final: float = 1e-5
    warmup_share: float = 0.04
    weight_decay: float = 0.01


def targets(training_set: TrainingSet, weights: Sequence[float], dim: int) -> Tensor:
    """Unit vectors `(entries, dim)`; `weights` are the teachers' shares of the cosine."""
    blocks = [
        np.sqrt(weight) * _centered(_by_label(rows, training_set.label))
        for rows, weight in zip(training_set.taught, weights, strict=True)
    ]
    return torch.from_numpy(_unit(principal(np.concatenate(blocks, axis=1), dim)))


def principal(rows: FloatArray, dim: int) -> FloatArray:
    """`rows` in their first `dim` principal directions about zero, signs fixed: a resumed run finds the same."""
    wide = rows.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ wide)
    kept = directions[:, ::-1][:, :dim]
    kept *= np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return np.asarray(wide @ kept, dtype=np.float32)


def _by_label(rows: FloatArray, label: NDArray[np.int64]) -> FloatArray:
    averaged = rows.copy()
    for one in np.unique(label[label >= 0]):
        averaged[label == one] = rows[label == one].mean(axis=0)
    return averaged


def _centered(rows: FloatArray) -> FloatArray:
    return _unit(rows - rows.mean(axis=0))


def _unit(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


class DistillationLoss(nn.Module):
    """`targets` `(entries, dim)` are unit vectors; `label` `(entries,)` is -1 for unlabeled speech."""

    targets: Tensor
    label: Tensor

    def __init__(self, targets: Tensor, label: Tensor, options: LossOptions) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("label", label, persistent=False)
        classes = max(int(label.max().item()) + 1, 1)
        self.centers = nn.Parameter(functional.normalize(torch.randn(classes * options.subcenters, targets.shape[1])))
        self._margin = AdditiveAngularMargin(options.margin, options.scale)

    def forward(self, embeddings: Tensor, entry: Tensor) -> Terms:
        """`entry` `(rows,)`: which of the targets each of `embeddings` `(rows, dim)` should be."""
        target, label = self.targets[entry], self.label[entry]
        student = functional.normalize(embeddings)
        cosine = (student * target).sum(dim=1).mean()
        relation = self._relation(student, target)
        pairs = (student @ student.T - target @ target.T).square().mean()
        margin = self._separation(student, label)
        options = self.options
        loss = 1 - cosine + options.relation * relation + options.pairs * pairs + options.margin_weight * margin
        return {"loss": loss, "cosine": cosine, "relation": relation, "pairs": pairs, "margin": margin}

    def _relation(self, student: Tensor, target: Tensor) -> Tensor:
        temperature = self.options.temperature
        drawn = torch.randint(len(self.targets), (self.options.anchors,))
        anchors = torch.cat([target, self.targets[drawn]]).T
        wanted = functional.softmax(target @ anchors / temperature, dim=1)
        got = functional.log_softmax(student @ anchors / temperature, dim=1)
        return functional.kl_div(got, wanted, reduction="batchmean")

    def _separation(self, student: Tensor, label: Tensor) -> Tensor:
        rows = label >= 0
        if not bool(rows.any()):
            return student.new_zeros(())
        cosines = student[rows] @ functional.normalize(self.centers).T
        cosines = cosines.reshape(len(cosines), -1, self.options.subcenters).amax(dim=2)
        known = functional.one_hot(label[rows], cosines.shape[1])
        return functional.cross_entropy(self._margin(cosines, known), label[rows])


class DistillationTask:
    def __init__(
        self, student: Student, sampler: Sampler, augment: Augmenter, loss: DistillationLoss, rates: RateOptions,
        device: Device = "cpu",
    ) -> None:  # fmt: skip
        self.head, self.net = loss.to(device), student.to(device).train().embedding_model
        self._features = student.features
        self._sampler, self._augment, self._rates, self._device = sampler, augment, rates, device
        parameters = [*self.net.parameters(), *loss.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=rates.peak, weight_decay=rates.weight_decay, fused=True)

    def set_rates(self, share: float) -> None:
        height = warmup_cosine(share, self._rates.warmup_share)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rates.final + (self._rates.peak - self._rates.final) * height

    def losses(self, share: float, random: np.random.Generator) -> Terms:
        batch = self._sampler.draw(random)
        features = self._features(self._augment(batch.clean, random).to(self._device))
        with mixed_precision(self._device):
            embeddings = self.net(features)[:, 0]
        terms: Terms = self.head(embeddings.float(), batch.entry.to(self._device))
        return terms
