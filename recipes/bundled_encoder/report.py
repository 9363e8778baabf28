"""What a trained encoder says about itself: README.md for people, training.json for programs, curves.png."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from speakerid.metrics.intervals import EerInterval
from speakerid.training.curves import Point, draw, read_history
from speakerid.training.directory import write_text
from speakerid.training.held_out import PIECE_S

README, REPORT, CURVES = "README.md", "training.json", "curves.png"
TEXT = Template("""\
# $name

Trained with speakerid:

    $command

- EER on $held_out_speakers held-out speakers, pieces of $piece_s s: $value % ($low to $high %, 95 % over speakers;
  $targets pairs of one voice and $nontargets of two, cosine).
- $steps steps in $minutes minutes. Files left out, unreadable or too short: $left_out.
- Trained on: $trained_on.
- Fingerprint `$fingerprint`. Galleries made with another fingerprint cannot be searched with this encoder.
- `EncoderClassifier.from_hparams(source=DIRECTORY)` of SpeechBrain loads this directory. `model.onnx` is its export
  (lowest cosine to SpeechBrain's embeddings $worst_cosine).

![Loss, learning rate and held-out error rate](curves.png)
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


def describe(folder: Path, made: Trained, command: str, history: Path, points: Sequence[Point]) -> None:
    """Raises `CheckpointWriteFailed`."""
    write_text(folder / README, readme(made, command))
    write_text(folder / REPORT, json.dumps(made.to_json() | {"command": command}, indent=2) + "\n")
    draw(read_history(history), points, folder / CURVES)


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
