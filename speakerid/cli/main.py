"""The `speakerid` command, put together."""

from __future__ import annotations

import typer

import speakerid

# Typer and rich take 0.2 s to import. numpy, SQLAlchemy, onnxruntime and FastAPI would add 1.2 s to every `--help`
# and torch another 1.5 s, so no module imported here loads them: commands do, when they run.
from speakerid.cli import (
    demo,
    enroll,
    evaluate,
    finetune,
    galleries,
    identify,
    keys,
    listen,
    models,
    recording,
    serve,
    speakers,
    store,
    unknowns,
    upkeep,
)
from speakerid.cli.console import echo, emit
from speakerid.cli.options import Output, with_options


@with_options
def version(output: Output) -> None:
    """Print the version."""
    if output.as_json:
        emit({"version": speakerid.__version__})
    else:
        echo(speakerid.__version__)


app = typer.Typer(
    help="Enroll a speaker once, recognize them in any later audio, say unknown otherwise.\n\n"
    "Exit code 0: done. 1: refused, with one sentence on stderr. 2: wrong usage or settings.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (
    serve.serve,
    serve.worker,
    demo.demo,
    enroll.enroll,
    identify.identify,
    identify.verify,
    recording.recording,
    listen.listen,
    upkeep.audit,
    upkeep.calibrate,
    finetune.finetune,
    store.backup,
    store.restore,
    version,
):
    app.command()(verb)
for group in (
    speakers.app,
    unknowns.app,
    galleries.app,
    keys.app,
    store.index,
    store.db,
    models.app,
    evaluate.app,
):
    app.add_typer(group)

if __name__ == "__main__":
    app()
