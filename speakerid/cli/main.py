"""The `speakerid` command, put together."""

from __future__ import annotations

import typer

# Typer and rich take 0.2 s to import. numpy, SQLAlchemy, onnxruntime and FastAPI would add 1.2 s to every `--help`,
from speakerid.cli import (
    audit,
    backup,
    calibrate,
    db,
    demo,
    enroll,
    evaluate,
    finetune,
    galleries,
    identify,
    index,
    keys,
    listen,
    models,
    recording,
    serve,
    speakers,
    unknowns,
    verify,
    version,
    worker,
)

# Typer and rich take 0.2 s to import. numpy, SQLAlchemy, onnxruntime and FastAPI would add 1.2 s to every `--help`
# and torch another 1.5 s, so no module imported here loads them: commands do, when they run.
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
    worker.worker,
    demo.demo,
    enroll.enroll,
    identify.identify,
    verify.verify,
    recording.recording,
    listen.listen,
    audit.audit,
    calibrate.calibrate,
    finetune.finetune,
    backup.backup,
    backup.restore,
    version.version,
):
    app.command()(verb)
for group in (speakers.app, unknowns.app, galleries.app, keys.app, index.app, db.app, models.app, evaluate.app):
    app.add_typer(group)

if __name__ == "__main__":
    app()
