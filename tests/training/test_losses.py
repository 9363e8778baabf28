from __future__ import annotations

import math

import torch
from torch.nn import functional

from speakerid.training.losses import DistillationLoss, LossOptions

VOICE = torch.tensor([0, 1, 2, 3, 4, -1, -1, -1, -1, -1])
ALL = torch.arange(10)


def make(margin_weight: float = 0.0) -> tuple[DistillationLoss, torch.Tensor]:
    targets = functional.normalize(torch.randn(10, 6, generator=torch.Generator().manual_seed(0)))
    return DistillationLoss(targets, VOICE, LossOptions(margin_weight=margin_weight)), targets


def test_the_teacher_itself_has_no_loss() -> None:
    loss, targets = make()
    parts = loss(3.0 * targets, ALL)  # length does not matter
    assert abs(parts.total.item()) < 1e-5
    assert parts.cosine > 0.99999


def test_wrong_neighbors_cost() -> None:
    loss, targets = make()
    parts = loss(targets.roll(1, dims=0), ALL)
    assert parts.total.item() > 1.0
    assert parts.relation > 1.0


def test_the_margin_makes_the_true_class_harder() -> None:
    torch.manual_seed(0)
    loss, targets = make(margin_weight=1.0)
    rows = targets[:5]
    with_margin = loss(rows, ALL[:5]).margin
    plain = DistillationLoss(targets, VOICE, LossOptions(margin_weight=1.0, margin=0.0))
    plain.load_state_dict(loss.state_dict())
    assert with_margin > plain(rows, ALL[:5]).margin
    assert math.isfinite(with_margin)


def test_unlabeled_rows_alone_have_no_margin_loss() -> None:
    loss, targets = make(margin_weight=1.0)
    assert loss(targets[5:], ALL[5:]).margin == 0.0
