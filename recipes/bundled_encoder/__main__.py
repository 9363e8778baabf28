"""`python -m recipes.bundled_encoder`: train the encoder that comes with the package."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.console import Watcher, echo, emit
from speakerid.cli.finetune import Device, counted, require_extra
from speakerid.cli.options import Output, read_settings, with_options

if TYPE_CHECKING:
    from recipes.bundled_encoder.report import Trained


class Resume(StrEnum):
    AUTOMATIC = "automatic"
    NEVER = "never"


@dataclass(frozen=True)
class Training(Output):
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.01, help="Training time, kills and restarts not counted.")
    ] = None
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Training steps. [default: 20000]")] = None
    resume: Annotated[
        Resume, typer.Option("--resume", help="automatic goes on where a killed run stopped; never begins anew.")
    ] = Resume.AUTOMATIC
    teacher: Annotated[
        str, typer.Option("--teacher", help="The encoder to learn from, beside Resemblyzer: a name or an .onnx file.")
    ] = "campplus"
    start: Annotated[
        Path | None,
        typer.Option("--start", exists=True, file_okay=False, help="An encoder of this recipe to go on from."),
    ] = None
    device: Annotated[
        Device | None, typer.Option("--device", help="Where to compute. [default: cuda where there is one]")
    ] = None
    work: Annotated[
        Path | None,
        typer.Option("--work", file_okay=False, help="Room for several GB of speech copies. [default: OUT/work]"),
    ] = None


app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
@with_options
def train(
    options: Training,
    data: Annotated[
        list[Path],
        typer.Option(
            "--data",
            exists=True,
            file_okay=False,
            help="Speech, as often as you like: sub-folders are speakers, files directly inside are of unknown "
            "speakers; or a folder laid out for the recipe (librispeech/train, field/, coffee, words, noise).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="The folder to write the encoder to.")],
) -> None:
    """Train the encoder that comes with the package.

    A killed run goes on when the same command is given again. OUT becomes a SpeechBrain model directory with its ONNX
    export and a README with the held-out error rate.
    """
    if options.minutes is not None and options.steps is not None:
        raise typer.BadParameter("Give either --minutes or --steps.")
    require_extra()
    # Inside, for a quick --help: torch and SpeechBrain take seconds.
    from recipes.bundled_encoder.run import TrainingJob
    from recipes.bundled_encoder.run import train as run
    from speakerid.training.loop import TrainingProgress

    job = TrainingJob(
        data=tuple(data),
        out=out,
        work=options.work or out / "work",
        minutes=options.minutes,
        steps=options.steps,
        teacher=options.teacher,
        models=read_settings().models_folder,
        start=options.start,
        device=options.device,
        anew=options.resume is Resume.NEVER,
        command=_command(options, data, out),
    )
    with Watcher(quiet=options.as_json) as watcher:
        made = run(job, TrainingProgress(watcher.counting("Reading"), watcher.counting("Voices"), watcher.step))
    if options.as_json:
        emit(made.to_json())
    else:
        _show(made)


def _command(options: Training, data: list[Path], out: Path) -> str:
    words = ["python", "-m", "recipes.bundled_encoder"]
    words += [word for folder in data for word in ("--data", str(folder))]
    words += ["--out", str(out)]
    words += ["--teacher", options.teacher]
    words += ["--start", str(options.start)] if options.start is not None else []
    words += ["--minutes", str(options.minutes)] if options.minutes is not None else []
    words += ["--steps", str(options.steps)] if options.steps is not None else []
    return shlex.join(words)


def _show(made: Trained) -> None:
    echo(f"{made.name}: {made.steps} steps in {made.elapsed_s / 60:.0f} minutes.")
    if made.left_out:
        echo(f"Left out {counted(made.left_out, 'file')}, unreadable or too short; {made.left_out_file} names them.")
    if made.held_out is not None:
        one = made.held_out
        echo(f"EER on {made.held_out_speakers} held-out speakers: {one.value:.2f} % [{one.low:.2f} to {one.high:.2f}]")
    echo(f"Saved in {made.out}; README.md shows more. Fingerprint {made.fingerprint}")
    echo(f"{made.left_out_file.parent} holds the speech copies and the checkpoint: keep it to train on, or delete it.")


if __name__ == "__main__":
    app()
