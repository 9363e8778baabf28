"""The recipe of the bundled encoder: the voice space of two teachers, learned by a small ECAPA-TDNN from damaged crops.

`python -m recipes.bundled_encoder` runs it (`run.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recipes.bundled_encoder.distillation_targets import targets
from recipes.bundled_encoder.teachers import Teachers
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.crops import Sampler, Shape
from speakerid.training.data import Samples, load
from speakerid.training.loop import LoopOptions, Trainer
from speakerid.training.losses import DistillationLoss, LossOptions
from speakerid.training.model import StudentOptions
from speakerid.training.rooms import make_room, trim_measured
from speakerid.training.training_set import TrainingSet
from speakerid.training.voice_perturbation import CopyPlan

# Natural speech of many people on many microphones is worth more than made voices, so those are few and short.
PLANS: Mapping[str, CopyPlan] = {
    "librispeech": CopyPlan(reshaped=5, reshaped_s=3.0),
    "ocean": CopyPlan(reshaped=1, reshaped_s=3.0),
    "sorbian": CopyPlan(),
    "commands": CopyPlan(),
    "coffee": CopyPlan(),
    "words": CopyPlan(),
}
JOINED = {"ocean": 3, "sorbian": 2, "commands": 8}  # utterances of one speaker to an entry: some ten seconds
CORPUS_WEIGHT = {
    "librispeech": 0.18,
    "librispeech-reshaped": 0.17,
    "ocean": 0.19,
    "ocean-reshaped": 0.13,
    "sorbian": 0.07,
    "commands": 0.07,
    "coffee": 0.14,
    "words": 0.05,
}
SHAPES = (Shape(64, 1.5, 0.45), Shape(48, 2.0, 0.25), Shape(32, 3.0, 0.2), Shape(24, 4.0, 0.1))
MADE_ROOMS, MEASURED_ROOM_WEIGHT = 300, 8
MIN_S = 0.5
TRAINED_ON = (
    "LibriSpeech train-clean-100 (200 speakers)",
    "speechocean762 (200 speakers)",
    "Common Voice Upper Sorbian (13 speakers)",
    "arabic-speech-commands (22 speakers)",
    "Picovoice speech-to-intent-benchmark",
    "Picovoice wake-word-benchmark",
)


@dataclass(frozen=True)
class BundledRecipe:
    noise: Path  # the folder that holds noise/
    work: Path
    student: StudentOptions = field(default_factory=StudentOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    start: Mapping[str, Tensor] | None = None


def trainer(recipe: BundledRecipe, bank: TrainingSet) -> Trainer:
    """Resumes by itself when `work` holds a checkpoint."""
    wanted = targets(bank, Teachers.WEIGHTS, recipe.student.dim)
    loss = DistillationLoss(wanted, torch.from_numpy(bank.voice), recipe.loss)
    augment = Augmenter(rooms(recipe.noise / "noise"), noises(recipe.noise / "noise"), recipe.augment)
    sampler = Sampler(bank, CORPUS_WEIGHT, SHAPES)
    return Trainer(recipe.work, recipe.student, sampler, augment, loss, recipe.loop, recipe.start)


def rooms(noise: Path) -> list[Samples]:
    random = np.random.default_rng(7)
    made = [make_room(random) for _ in range(MADE_ROOMS)]
    return made + [trim_measured(load(p)) for p in sorted(noise.glob("rir*"))] * MEASURED_ROOM_WEIGHT


def noises(noise: Path) -> list[Samples]:
    return [load(p) for p in sorted(noise.glob("*.flac")) if not p.name.startswith("rir")]
