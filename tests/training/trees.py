"""Folders of made-up speakers, and a tiny encoder to start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from speakerid.training.data import Samples
from speakerid.training.model import Student, save_directory
from tests.encoders.voices import Voice, speak
from tests.training.voices import TINY, write_speech


def person(number: int) -> Voice:
    """Pitch and resonances of their own."""
    random = np.random.default_rng(number)
    low, middle, high = random.uniform((400, 1000, 2200), (800, 1800, 3200))
    return Voice(float(random.uniform(90, 240)), (float(low), float(middle), float(high)))


def say(number: int, seconds: float, seed: int) -> Samples:
    return speak(person(number), seconds, seed)


def write_people(root: Path, people: int = 8, recordings: int = 3, seconds: float = 1.4) -> Path:
    for number in range(people):
        for take in range(recordings):
            write_speech(root / f"p{number}" / f"{take}.wav", say(number, seconds, take))
    return root


def write_base(folder: Path) -> Path:
    """A SpeechBrain directory of a tiny student whose batch norms have settled on a few voices."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        student = Student(TINY).train()
        waves = torch.from_numpy(np.stack([say(number, 1.0, 7) for number in range(6)]))
        with torch.no_grad():
            for _ in range(20):
                student(waves)
    save_directory(folder, TINY, student.embedding_model.state_dict())
    return folder
