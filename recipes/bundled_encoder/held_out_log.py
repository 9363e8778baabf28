"""How the held-out EER fell while an encoder was trained: measured ten times a run, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from speakerid.metrics.intervals import EerInterval
from speakerid.training.curves import Line, Point, read_history
from speakerid.training.data import Samples
from speakerid.training.held_out import DevSet, embed_all, measure
from speakerid.training.loop import Trainer
from speakerid.training.model import Student
from speakerid.types import FloatArray

EVERY_SHARE = 0.1
FIGURES = ("value", "low", "high")


class HeldOutLog:
    def __init__(self, path: Path, made: DevSet) -> None:
        self._path, self._made = path, made
        self._next_share = EVERY_SHARE

    def look(self, trainer: Trainer, share: float) -> None:
        """Measures when another tenth of the run is over."""
        if share >= self._next_share or share >= 1:
            self._next_share = share + EVERY_SHARE
            self.measure(trainer)

    def measure(self, trainer: Trainer) -> EerInterval:
        """Of the averaged weights as they are now. Random numbers that training draws later stay the same."""
        with torch.random.fork_rng():
            student = Student(trainer.student_options).eval()
        student.embedding_model.load_state_dict(trainer.average.weights)
        found = measure(embed_all(lambda waves: _embed(student, waves), self._made), self._made)
        with self._path.open("a") as out:
            out.write(json.dumps({"step": trainer.step, **asdict(found)}) + "\n")
        return found

    def points(self) -> list[Point]:
        return [Point(int(line["step"]), _interval(line)) for line in read_history(self._path)]


def _interval(line: Line) -> EerInterval:
    value, low, high = (line[name] for name in FIGURES)
    return EerInterval(value, low, high, int(line["targets"]), int(line["nontargets"]))


@torch.inference_mode()
def _embed(student: Student, waves: Sequence[Samples]) -> FloatArray:
    rows = [functional.normalize(student(torch.from_numpy(wave)[None])) for wave in waves]
    return np.asarray(torch.cat(rows).numpy())
