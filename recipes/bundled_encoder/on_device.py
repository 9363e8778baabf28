"""Moves a trainer that was built on the processor to another device; its checkpoints stay readable everywhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from speakerid.training.augment import Augmenter
from speakerid.training.devices import Device
from speakerid.training.loop import Trainer


class CarriedCrops(Augmenter):
    """Damages crops on the processor, hands them over on `device`."""

    def __init__(self, inner: Augmenter, device: Device) -> None:
        self._inner, self._device = inner, device

    def __call__(self, clean: Tensor, random: np.random.Generator) -> Tensor:
        return self._inner(clean, random).to(self._device)


def move(trainer: Trainer, device: Device) -> None:
    """Weights, their average, loss, optimizer state and every future batch."""
    trainer.student.to(device)
    trainer._loss.to(device)
    trainer.average.weights = {name: value.to(device) for name, value in trainer.average.weights.items()}
    for state in trainer._optimizer.state.values():
        state.update({name: one.to(device) for name, one in state.items() if isinstance(one, torch.Tensor)})
    trainer._augment = CarriedCrops(trainer._augment, device)
