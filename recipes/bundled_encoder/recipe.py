"""The recipe of the bundled encoder: a small ECAPA-TDNN learns the embedding space of two teachers from damaged crops.

`python -m recipes.bundled_encoder` runs it (`run.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recipes.bundled_encoder.distillation import DistillationLoss, DistillationTask, LossOptions, RateOptions, targets
from recipes.bundled_encoder.student import Student, StudentOptions
from recipes.bundled_encoder.teachers import Teachers
from recipes.bundled_encoder.voice_perturbation import ReshapePlan, perturbed
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.training.augment import Augmenter, AugmentOptions
from speakerid.training.loop import Device, LoopOptions, Trainer
from speakerid.training.rooms import make_room, trim_measured
from speakerid.training.speech import Source
from speakerid.training.training_set import PerturbedCopy, Sampler, Shape, TrainingSet
from speakerid.types import FloatArray

# Natural speech of many people on many microphones is worth more than made speakers, so those are few and short.
PLANS: Mapping[str, ReshapePlan] = {
    "librispeech": ReshapePlan(copies=5),
    "ocean": ReshapePlan(copies=1),
    "sorbian": ReshapePlan(),
    "commands": ReshapePlan(),
    "coffee": ReshapePlan(),
    "words": ReshapePlan(),
}
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
    rates: RateOptions = field(default_factory=RateOptions)
    start: Mapping[str, Tensor] | None = None
    device: Device = "cpu"


def copies(source: Source, samples: FloatArray) -> Iterator[PerturbedCopy]:
    return perturbed(source, samples, PLANS[source.corpus])


def trainer(recipe: BundledRecipe, training_set: TrainingSet) -> Trainer:
    """Resumes by itself when `work` holds a checkpoint."""
    torch.manual_seed(recipe.loop.seed)
    student = Student(recipe.student)
    if recipe.start is not None:
        student.embedding_model.load_state_dict(recipe.start)
    wanted = targets(training_set, Teachers.WEIGHTS, recipe.student.dim)
    loss = DistillationLoss(wanted, torch.from_numpy(training_set.label), LossOptions())
    augment = Augmenter(rooms(recipe.noise / "noise"), noises(recipe.noise / "noise"), AugmentOptions())
    sampler = Sampler(training_set, CORPUS_WEIGHT, SHAPES)
    task = DistillationTask(student, sampler, augment, loss, recipe.rates, recipe.device)
    return Trainer(recipe.work, task, recipe.loop)


def rooms(noise: Path) -> list[FloatArray]:
    random = np.random.default_rng(7)
    made = [make_room(random) for _ in range(MADE_ROOMS)]
    return made + [trim_measured(decode(read_file(path))) for path in sorted(noise.glob("rir*"))] * MEASURED_ROOM_WEIGHT


def noises(noise: Path) -> list[FloatArray]:
    return [decode(read_file(path)) for path in sorted(noise.glob("*.flac")) if not path.name.startswith("rir")]
