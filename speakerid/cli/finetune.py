"""`speakerid finetune`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from speakerid.cli.console import Watcher, echo, emit
from speakerid.cli.options import Output, with_options
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.metrics.intervals import EerInterval
    from speakerid.training.card import Finetuned


Device = Literal["cpu", "cuda"]


def require_extra() -> None:
    """Raises ExtraMissing before anything slow begins."""
    require("torch", "speechbrain", "onnx", "onnxscript", extra="train")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True)
class Finetuning(Output):
    encoder: Annotated[
        str,
        typer.Option("--encoder", help="Where to start: bundled, a SpeechBrain model directory or a hub name."),
    ] = "bundled"
    steps: Annotated[int, typer.Option("--steps", min=1, help="How long to learn; 32 pieces of speech each.")] = 400
    held_out: Annotated[
        float,
        typer.Option(
            "--held-out", min=0.0, max=0.9, help="Share of the speakers, at least 5, kept aside to measure; 0 for none."
        ),
    ] = 0.2
    allow_worse: Annotated[
        bool, typer.Option("--allow-worse", help="Save the model even if it got worse, or cannot be measured.")
    ] = False
    device: Annotated[
        Device | None, typer.Option("--device", help="Where to compute. [default: cuda where there is one]")
    ] = None
    name: Annotated[str | None, typer.Option("--name", help="The new encoder's name. [default: OUT's]")] = None


@with_options
def finetune(
    options: Finetuning,
    data: Annotated[
        Path, typer.Option("--data", exists=True, file_okay=False, help="A folder with one sub-folder per speaker.")
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="The folder to write the new encoder to.")],
) -> None:
    """Adapt an encoder to your own speakers, and save it only if it got no worse on speakers kept aside.

    Files that cannot be read or hold less than a second of sound are left out and counted. A killed run goes on when
    the same command is given again. OUT becomes a SpeechBrain model directory with its ONNX export and a README.
    """
    require_extra()
    # Inside, for a quick --help: torch and SpeechBrain take seconds.
    from speakerid.training.finetune import LOOP, FinetuneOptions
    from speakerid.training.finetune import finetune as run
    from speakerid.training.loop import TrainingProgress

    wanted = FinetuneOptions(
        encoder=options.encoder,
        data=data,
        out=out,
        held_out=options.held_out,
        allow_worse=options.allow_worse,
        device=options.device,
        name=options.name,
        command=_command(options, data, out),
        loop=replace(LOOP, steps=options.steps),
    )
    with Watcher(quiet=options.as_json) as watcher:
        progress = TrainingProgress(watcher.counting("Reading"), watcher.counting("Voices"), watcher.step)
        made = run(wanted, progress)
    if options.as_json:
        emit(made.to_json())
    else:
        _show(made)


def _command(options: Finetuning, data: Path, out: Path) -> str:
    words = ["speakerid", "finetune", "--encoder", options.encoder, "--data", str(data), "--out", str(out)]
    words += ["--steps", str(options.steps), "--held-out", str(options.held_out)]
    return shlex.join(words + (["--allow-worse"] if options.allow_worse else []))


def _show(made: Finetuned) -> None:
    figures = made.figures
    echo(f"{made.name}: learned from {figures.speakers} speakers, {figures.utterances} utterances.")
    if made.usable.left_out:
        counts = ", ".join(f"{count} {code}" for code, count in sorted(made.usable.left_out_codes.items()))
        echo(
            f"Left out {counted(len(made.usable.left_out), 'file')}: {counts}. {made.out / 'left_out.txt'} names them."
        )
    if figures.eer is None:
        echo("No speaker was held out: how good it is was not measured.")
    else:
        eer, change = figures.eer, figures.eer.change
        echo(f"EER on {figures.held_out_speakers} held-out speakers: {_eer(eer.before)} before,")
        echo(f"{_eer(eer.after)} after; the difference lies in [{change.low:+.2f} to {change.high:+.2f}].")
    echo(f"Saved in {made.out}. Its README.md says how to calibrate it before it decides anything.")
    echo(f"Fingerprint {made.fingerprint}: galleries made with another encoder must be enrolled again.")


def _eer(one: EerInterval) -> str:
    return f"{one.value:.2f} % [{one.low:.2f} to {one.high:.2f}]"
