"""`speakerid reembed`: move a gallery to another encoder where it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend, server_url
from speakerid.cli.console import Watcher, answer, echo, plain, refuse_if
from speakerid.cli.options import Target, with_options

if TYPE_CHECKING:
    from speakerid.types import Reembedding


@with_options
def reembed(
    target: Target,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ENCODER", help="The encoder to move to; by default the running one."),
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it; the gallery stays as it is.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Only say how far it is, or how it ended.")] = False,
) -> None:
    """Move a gallery to another encoder: embeddings anew, from the audio that it keeps.

    Servers go on answering with the old encoder until all are made, and then answer with the new one at once, if they
    have it (SPEAKERID_OTHER_ENCODERS). What is interrupted goes on when the command is given again; on a server it
    goes on by itself. Exit code 1 when it failed or was cancelled.
    """
    if [to is not None, cancel, show].count(True) > 1:
        raise typer.BadParameter("Give one of --to, --cancel and --show.")
    if to is not None and server_url(target) is None:  # the store is opened with it
        target, to = replace(target, encoder=to), None
    with open_backend(target, "read" if show else "change") as backend, Watcher(quiet=target.as_json) as watcher:
        if show:
            found = backend.reembedding()
        elif cancel:
            found = backend.cancel_reembedding()
        else:
            found = backend.reembed(to, watch=watcher.share(f"Moving {plain(target.gallery)}"))
    answer(found, _show, as_json=target.as_json)
    refuse_if(not (cancel or show) and found.state != "done")


def _show(found: Reembedding) -> None:
    count = f"{found.utterances} utterances of gallery {found.gallery}"
    if found.state == "done":
        echo(f"Moved {count} from {found.from_encoder} to {found.encoder}.")
    elif found.error is not None:
        echo(f"Not moved to {found.encoder}: {found.error.detail}")
    else:
        state = "being cancelled" if found.cancelling else found.state
        echo(f"Moving {count} to {found.encoder}: {state}, {found.progress:g} %.")
