"""`speakerid access-log`: who asked or changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_operations
from speakerid.cli.console import emit, table
from speakerid.cli.options import StoreOrServer, with_options

if TYPE_CHECKING:
    from speakerid.types import AccessEvent

HEADS = ("id", "time (UTC)", "key", "action", "gallery", "speaker", "outcome")


@with_options
def access_log(
    options: StoreOrServer,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="7d|DATE", help="Only events from then on: a span, a day, a time."),
    ] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Only events behind the one of this id.")] = 0,
    speaker: Annotated[str | None, typer.Option("--speaker", metavar="ID", help="Only events about them.")] = None,
    gallery: Annotated[str | None, typer.Option("--gallery", help="Only events of this gallery.")] = None,
) -> None:
    """Who asked or changed what, oldest first: speakers by id, callers by the id of their key, never names.

    With --json a line for each event, to be kept elsewhere. How long they are kept here: SPEAKERID_ACCESS_LOG_DAYS.
    """
    from speakerid.services import validation

    start = None if since is None else validation.start_of(since, "--since")
    with open_operations(options) as operations:
        found = operations.access_log(after=after, since=start, speaker_id=speaker, gallery=gallery)
        if options.as_json:
            for event in found:
                emit(event)
        else:
            table(HEADS, [_row(event) for event in found])


def _row(event: AccessEvent) -> tuple[str, ...]:
    time = f"{event.at:%Y-%m-%d %H:%M:%S}"
    about = (event.gallery or "–", event.speaker_id or "–")
    return (str(event.id), time, event.key_id, event.action, *about, event.outcome)
