"""`speakerid models`: encoders as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli.options import Output, with_options
from speakerid.cli.output import emit, say

app = typer.Typer(name="models", help="Work with encoder files.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Keeps `models` a group while it has one command."""


@app.command()
@with_options
def export(
    output: Output,
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", exists=True, file_okay=False, help="A SpeechBrain model directory.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The file to write.")],
) -> None:
    """Write a SpeechBrain model as one ONNX file. It is kept only if its embeddings agree with SpeechBrain's."""
    from speakerid.training.export_onnx import export as export_onnx  # torch and SpeechBrain: seconds

    made = export_onnx(source, out)
    if output.as_json:
        emit({"path": str(made.path), "fingerprint": made.fingerprint, "worst_cosine": made.worst_cosine})
    else:
        say(f"{made.path}: {made.name}, {made.dim} dimensions, fingerprint {made.fingerprint}")
        say(f"Lowest cosine to SpeechBrain's embeddings: {made.worst_cosine:.7f}")
