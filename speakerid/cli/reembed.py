"""`speakerid reembed`: move a gallery to another encoder where it stands."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend, server_url
from speakerid.cli.console import Watcher, answer, echo, plain, refuse_if
from speakerid.cli.options import SpreadTarget, read_settings, with_options

if TYPE_CHECKING:
    from speakerid.client import Client
    from speakerid.services.reembedding.work import Elsewhere
    from speakerid.types import Reembedding
    from speakerid.verbs import SpeakerID


@with_options
def reembed(
    target: SpreadTarget,
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
    goes on by itself. With --engine ray workers of a cluster embed, which need the store. Exit code 1 when it failed or
    was cancelled.
    """
    if [to is not None, cancel, show].count(True) > 1:
        raise typer.BadParameter("Give one of --to, --cancel and --show.")
    local = server_url(target) is None
    workers = target.cluster_workers(of="moving a gallery", possible=local and not (cancel or show))
    if to is not None and local:  # the store is opened with it
        target, to = replace(target, encoder=to), None
    with open_backend(target, "read" if show else "change") as backend, Watcher(quiet=target.as_json) as watcher:
        if show:
            found = backend.reembedding()
        elif cancel:
            found = backend.cancel_reembedding()
        elif workers is not None:
            found = _on_cluster(backend, target, workers, watcher)
        else:
            found = backend.reembed(to, watch=watcher.share(f"Moving {plain(target.gallery)}"))
    answer(found, _show, as_json=target.as_json)
    refuse_if(not (cancel or show) and found.state != "done")


def _on_cluster(backend: SpeakerID | Client, target: SpreadTarget, workers: int, watcher: Watcher) -> Reembedding:
    from speakerid.bootstrap import decode_limits
    from speakerid.cluster.listening import ClusterWork, KeptStore, embeddings
    from speakerid.verbs import SpeakerID

    assert isinstance(backend, SpeakerID)
    settings, file = read_settings(store=target.store, encoder=target.encoder), backend.engine.database.file
    work = ClusterWork.like(backend.engine, settings.encoder, decode_limits(settings))
    store = KeptStore(settings.store if file is None else str(file.resolve()), settings.master_key_file)
    elsewhere: Elsewhere = partial(embeddings, work, store, workers=workers)
    return backend.reembed(watch=watcher.share(f"Moving {plain(target.gallery)}"), elsewhere=elsewhere)


def _show(found: Reembedding) -> None:
    count = f"{found.utterances} utterances of gallery {found.gallery}"
    if found.state == "done":
        echo(f"Moved {count} from {found.from_encoder} to {found.encoder}.")
        if found.advice is not None:
            echo(found.advice)
    elif found.error is not None:
        echo(f"Not moved to {found.encoder}: {found.error.detail}")
    else:
        state = "being cancelled" if found.cancelling else found.state
        echo(f"Moving {count} to {found.encoder}: {state}, {found.progress:g} %.")
