"""The `speakerid` command, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import speakerid

# Typer and rich take 0.2 s to import. numpy, SQLAlchemy, onnxruntime and FastAPI would add 1.2 s to every `--help`
# and torch another 1.5 s, so no module imported here loads them: commands do, when they run.
from speakerid.cli import (
    access_log,
    classifiers,
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
    reembed,
    serve,
    speakers,
    store,
    unknowns,
    upkeep,
)
from speakerid.cli.command_line import CommandLine
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
    "Exit code 0: done. 1: refused, with one sentence on stderr. 2: wrong usage or settings. 130: interrupted. "
    "141: whoever read the output has gone. With --json, what is on stderr is JSON too, a line each.",
    cls=CommandLine,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(speakerid.__version__)
        raise typer.Exit


@app.callback()
def of_every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
    ] = False,
) -> None: ...


for verb in (
    serve.serve,
    serve.worker,
    demo.demo,
    enroll.enroll,
    identify.identify,
    identify.verify,
    recording.recording,
    listen.listen,
    classifiers.classify,
    upkeep.audit,
    upkeep.calibrate,
    reembed.reembed,
    finetune.finetune,
    store.backup,
    store.restore,
    version,
):
    app.command()(verb)
app.command("access-log")(access_log.access_log)
for group in (
    speakers.app,
    unknowns.app,
    galleries.app,
    keys.app,
    store.index,
    store.db,
    models.app,
    classifiers.app,
    evaluate.app,
):
    app.add_typer(group)

if __name__ == "__main__":
    app()
