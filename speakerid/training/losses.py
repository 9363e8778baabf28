"""What the student is pulled towards: the teachers' vector, their neighborhoods, a light margin between voices.

Targets are made of the teachers' embeddings of clean speech (`targets.py`); the student hears a damaged crop.
- cosine to its own target (Hinton et al. 2015 in embedding form);
- relations: softmax over similarities to many voices of the bank, student against teacher (after Park et al. 2019,
  https://arxiv.org/abs/1904.05068, and the soft targets of https://arxiv.org/abs/1503.02531);
- similarities between the rows of a batch, squared error;
- additive angular margin with sub-centers (Deng et al. 2019, 2020) on the labeled voices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LossOptions:
    relation: float = 0.05
    temperature: float = 0.05
    anchors: int = 8192  # voices of the bank drawn for `relation` at each step
    pairs: float = 2.0
    margin_weight: float = 0.02
    margin: float = 0.2
    scale: float = 30.0
    subcenters: int = 2


@dataclass(frozen=True)
class LossParts:
    total: Tensor
    cosine: float  # mean cosine to the target, the figure to watch
    relation: float
    pairs: float
    margin: float


class DistillationLoss(nn.Module):
    """`targets` `(entries, dim)` are unit vectors; `voice` `(entries,)` is -1 for unlabeled speech."""

    targets: Tensor
    voice: Tensor

    def __init__(self, targets: Tensor, voice: Tensor, options: LossOptions) -> None:
        super().__init__()
        self.options = options
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("voice", voice, persistent=False)
        classes = max(int(voice.max().item()) + 1, 1)
        self.centers = nn.Parameter(functional.normalize(torch.randn(classes * options.subcenters, targets.shape[1])))

    def forward(self, embeddings: Tensor, entry: Tensor) -> LossParts:
        """`entry` `(rows,)`: which of the targets each of `embeddings` `(rows, dim)` should be."""
        target, voice = self.targets[entry], self.voice[entry]
        student = functional.normalize(embeddings)
        cosine = (student * target).sum(dim=1).mean()
        relation = self._relation(student, target)
        pairs = (student @ student.T - target @ target.T).square().mean()
        margin = self._margin(student, voice)
        options = self.options
        total = 1 - cosine + options.relation * relation + options.pairs * pairs + options.margin_weight * margin
        return LossParts(total, cosine.item(), relation.item(), pairs.item(), margin.item())

    def _relation(self, student: Tensor, target: Tensor) -> Tensor:
        temperature = self.options.temperature
        drawn = torch.randint(len(self.targets), (self.options.anchors,))
        anchors = torch.cat([target, self.targets[drawn]]).T
        wanted = functional.softmax(target @ anchors / temperature, dim=1)
        got = functional.log_softmax(student @ anchors / temperature, dim=1)
        return functional.kl_div(got, wanted, reduction="batchmean")

    def _margin(self, student: Tensor, voice: Tensor) -> Tensor:
        rows = voice >= 0
        if not bool(rows.any()):
            return student.new_zeros(())
        cosines = student[rows] @ functional.normalize(self.centers).T
        cosines = cosines.reshape(len(cosines), -1, self.options.subcenters).amax(dim=2)
        return functional.cross_entropy(
            _with_margin(cosines, voice[rows], self.options) * self.options.scale, voice[rows]
        )


def _with_margin(cosines: Tensor, voice: Tensor, options: LossOptions) -> Tensor:
    """cos(angle + margin) for the true class; its straight continuation where that would turn around."""
    own = cosines.gather(1, voice[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    moved = own * math.cos(options.margin) - (1 - own.square()).sqrt() * math.sin(options.margin)
    line = own - options.margin * math.sin(options.margin)
    moved = torch.where(own > math.cos(math.pi - options.margin), moved, line)
    return cosines.scatter(1, voice[:, None], moved)
