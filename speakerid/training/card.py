"""What a fine-tuning gave, and its card: README.md."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from speakerid.encoders.base import Encoder, label
from speakerid.metrics.intervals import EerInterval
from speakerid.training.export_onnx import ExportReport
from speakerid.training.held_out import PIECE_S, EerComparison
from speakerid.training.speech import Usable

TEXT = Template("""\
# $name

Fine-tuned from `$base` with speakerid:

    $command

| EER in percent on $held_out held-out speakers, pieces of $piece_s s | value | 95 % over speakers |
|---|---|---|
| before | $before |
| after | $after |

$change $trials Small sets give wide intervals: read those, not the points.

- Learned from $speakers speakers, $utterances utterances, $steps steps. $left_out
- Trained on, with what the base was trained on: $trained_on.
- Fingerprint `$fingerprint`. Galleries made with another fingerprint cannot be searched with this encoder.
- `EncoderClassifier.from_hparams(source=DIRECTORY)` of SpeechBrain loads this directory. $graph
- It decides by a wide prior until a calibration is fitted for it, on speakers it was not trained on, such as those in
  held_out_speakers.txt, of every kind of recording it is for:
  `speakerid models calibrate --encoder DIRECTORY/model.onnx --data THEIR_FOLDERS`.
""")


@dataclass(frozen=True)
class CardFigures:
    eer: EerComparison | None  # None when no speaker was held out
    speakers: int
    held_out_speakers: int
    utterances: int
    steps: int


@dataclass(frozen=True)
class Finetuned:
    out: Path
    name: str
    fingerprint: str
    figures: CardFigures
    usable: Usable
    export: ExportReport | None  # None for a net that the exporter does not know
    trained_on: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        exported, eer = self.export, self.figures.eer
        counts = {name: value for name, value in asdict(self.figures).items() if name != "eer"}
        return {
            "out": str(self.out),
            "name": self.name,
            "fingerprint": self.fingerprint,
            **(asdict(eer) if eer else dict.fromkeys(("before", "after", "change"))),
            **counts,
            "left_out": self.usable.left_out_codes,
            "trained_on": list(self.trained_on),
            "onnx": None if exported is None else {"dim": exported.dim, "worst_cosine": exported.worst_cosine},
        }


def readme(made: Finetuned, base: Encoder, command: str) -> str:
    figures = made.figures
    return TEXT.substitute(
        name=made.name,
        base=label(base),
        command=command or "speakerid finetune …",
        held_out=figures.held_out_speakers,
        piece_s=f"{PIECE_S:g}",
        before=_cells(figures.eer.before if figures.eer else None),
        after=_cells(figures.eer.after if figures.eer else None),
        change=_change(figures.eer),
        trials=_trials(figures.eer),
        speakers=figures.speakers,
        utterances=figures.utterances,
        steps=figures.steps,
        left_out=_left_out(made.usable),
        trained_on=", ".join(made.trained_on),
        fingerprint=made.fingerprint,
        graph=_graph(made.export),
    )


def _cells(one: EerInterval | None) -> str:
    return "not measured | – " if one is None else f"{one.value:.2f} | {one.low:.2f} to {one.high:.2f}"


def _change(eer: EerComparison | None) -> str:
    if eer is None:
        return "No speaker was held out: nothing is known about how good this encoder is."
    low, high = eer.change.low, eer.change.high
    verdict = "an improvement" if high < 0 else "worse" if low > 0 else "not proven either way"
    return f"The difference lies between {low:+.2f} and {high:+.2f} (95 %, the same speakers for both): {verdict}."


def _trials(eer: EerComparison | None) -> str:
    return f"{eer.after.targets} pairs of one speaker and {eer.after.nontargets} of two, cosine." if eer else ""


def _left_out(found: Usable) -> str:
    counts = ", ".join(f"{count} {code}" for code, count in sorted(found.left_out_codes.items()))
    return f"Left out: {counts}." if counts else "No file was left out."


def _graph(exported: ExportReport | None) -> str:
    if exported is None:
        return "Its network is of a kind that cannot be exported to ONNX."
    return f"`model.onnx` is its export (lowest cosine to SpeechBrain's embeddings {exported.worst_cosine:.6f})."
