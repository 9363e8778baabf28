"""The papers of the trained encoder: README.md for people, training.json for programs.

How the held-out EER falls while it is trained is measured ten times a run, one JSON line each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

import numpy as np
import torch
from torch.nn import functional

from recipes.bundled_encoder.student import Student, StudentOptions
from speakerid.metrics.intervals import EerInterval
from speakerid.training.held_out import PIECE_S, DevSet, embed_all, measure
from speakerid.training.loop import Trainer
from speakerid.training.work_folder import write_text
from speakerid.types import FloatArray

EVERY_SHARE = 0.1
README, REPORT = "README.md", "training.json"
TEXT = Template("""\
# $name

Trained with speakerid:

    $command

- EER on $held_out_speakers held-out speakers, pieces of $piece_s s: $value % ($low to $high %, 95 % over speakers;
  $targets pairs of one speaker and $nontargets of two, cosine).
- $steps steps in $minutes minutes. Files left out, unreadable or too short: $left_out.
- Trained on: $trained_on.
- Fingerprint `$fingerprint`. Galleries made with another fingerprint cannot be searched with this encoder.
- `EncoderClassifier.from_hparams(source=DIRECTORY)` of SpeechBrain loads this directory. `model.onnx` is its export
  (lowest cosine to SpeechBrain's embeddings $worst_cosine).
""")


@dataclass(frozen=True)
class Trained:
    out: Path
    name: str
    fingerprint: str
    steps: int
    elapsed_s: float
    held_out: EerInterval
    held_out_speakers: int
    left_out: int
    left_out_file: Path
    worst_cosine: float
    trained_on: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        plain = asdict(self)
        return plain | {"out": str(self.out), "left_out_file": str(self.left_out_file)}


def describe(folder: Path, made: Trained, command: str) -> None:
    """Raises `CheckpointWriteFailed`."""
    write_text(folder / README, readme(made, command))
    write_text(folder / REPORT, json.dumps(made.to_json() | {"command": command}, indent=2) + "\n")


def readme(made: Trained, command: str) -> str:
    one = made.held_out
    return TEXT.substitute(
        name=made.name,
        command=command or "python -m recipes.bundled_encoder …",
        held_out_speakers=made.held_out_speakers,
        piece_s=f"{PIECE_S:g}",
        value=f"{one.value:.2f}",
        low=f"{one.low:.2f}",
        high=f"{one.high:.2f}",
        targets=one.targets,
        nontargets=one.nontargets,
        steps=made.steps,
        minutes=f"{made.elapsed_s / 60:.1f}",
        left_out=made.left_out,
        trained_on=", ".join(made.trained_on),
        fingerprint=made.fingerprint,
        worst_cosine=f"{made.worst_cosine:.6f}",
    )


class HeldOutLog:
    def __init__(self, path: Path, dev_set: DevSet, student: StudentOptions) -> None:
        self._path, self._dev_set, self._options = path, dev_set, student
        self._next_share = EVERY_SHARE
        self._last: tuple[int, EerInterval] | None = None

    def look(self, trainer: Trainer) -> None:
        """Measures when another tenth of the run is over."""
        if trainer.share >= self._next_share or trainer.share >= 1:
            self._next_share = trainer.share + EVERY_SHARE
            self.measure(trainer)

    def measure(self, trainer: Trainer) -> EerInterval:
        """Of the averaged weights as they are now. Random numbers that training draws later stay the same."""
        with torch.random.fork_rng():
            student = Student(self._options).eval()
        student.embedding_model.load_state_dict(trainer.average.weights)
        found = measure(embed_all(lambda waves: _embed(student, waves), self._dev_set), self._dev_set)
        with self._path.open("a") as out:
            out.write(json.dumps({"step": trainer.step, **asdict(found)}) + "\n")
        self._last = (trainer.step, found)
        return found

    def at_the_end(self, trainer: Trainer) -> EerInterval:
        """Of the last step, which may have been measured already."""
        step, found = self._last or (None, None)
        return found if found is not None and step == trainer.step else self.measure(trainer)


@torch.inference_mode()
def _embed(student: Student, waves: Sequence[FloatArray]) -> FloatArray:
    rows = [functional.normalize(student(torch.from_numpy(wave)[None])) for wave in waves]
    return np.asarray(torch.cat(rows).numpy())
