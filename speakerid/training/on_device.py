"""Moves a trainer that was built on the processor to another device; its checkpoints stay readable everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from speakerid.training.augment import Augmenter
from speakerid.training.crops import Batch
from speakerid.training.devices import Device
from speakerid.training.lessons import Lesson, Lessons
from speakerid.training.loop import Trainer


class CarriedCrops(Augmenter):
    """Damages crops on the processor, hands them over on `device`."""

    def __init__(self, inner: Augmenter, device: Device) -> None:
        self._inner, self._device = inner, device

    def __call__(self, clean: Tensor, random: np.random.Generator) -> Tensor:
        return self._inner(clean, random).to(self._device)


class CarriedLessons(Lessons):
    """What to say of them, on `device`; the crops themselves stay for the augmentation."""

    def __init__(self, inner: Lessons, device: Device) -> None:
        self._inner, self._device = inner, device

    def __call__(self, batch: Batch, random: np.random.Generator) -> Lesson:
        lesson = self._inner(batch, random)
        return replace(lesson, target=lesson.target.to(self._device), voice=lesson.voice.to(self._device))


def move(trainer: Trainer, device: Device) -> None:
    """Weights, their average, loss, optimizer state and every future batch."""
    trainer.student.to(device)
    trainer._loss.to(device)
    trainer.average.weights = {name: value.to(device) for name, value in trainer.average.weights.items()}
    for state in trainer._optimizer.state.values():
        state.update({name: one.to(device) for name, one in state.items() if isinstance(one, torch.Tensor)})
    trainer._augment = CarriedCrops(trainer._augment, device)
    trainer._lessons = CarriedLessons(trainer._lessons, device)
