"""`speakerid backup` and `speakerid restore`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli.options import Store, with_options
from speakerid.cli.output import say
from speakerid.cli.settings import read_settings


@with_options
def backup(
    options: Store, out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to make; never overwritten.")]
) -> None:
    """Copy a SQLite store into one file, also while it is served: everything acknowledged before is in it.

    Only its owner may read the file. Who is erased later is still in it. For PostgreSQL the command to run is named.
    With --json nothing is printed.
    """
    from speakerid.db import backup as copies

    copies.backup(_file(options, f"pg_dump --format=custom --file={shlex.quote(str(out))} URL"), out)
    if not options.as_json:
        say(f"Wrote {out}.")


@with_options
def restore(
    options: Store,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by `speakerid backup`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Lose what the store holds now.")] = False,
) -> None:
    """Make the store from a backup, after checking that it is whole. A store that is in use is never replaced.

    With --json nothing is printed.
    """
    from speakerid.db import backup as copies

    store = _file(options, f"pg_restore --clean --if-exists --dbname=URL {shlex.quote(str(file))}")
    copies.restore(file, store, replace=replace)
    if not options.as_json:
        say(f"Restored {store}.")


def _file(options: Store, instead: str) -> Path:
    """Where the SQLite store is. Raises InvalidRequest, with what to do `instead`, for PostgreSQL."""
    from speakerid.db.engine import store_url
    from speakerid.errors import InvalidRequest

    url = store_url(read_settings(store=options.store).store)
    if url.get_backend_name() != "sqlite":
        raise InvalidRequest(f"PostgreSQL has its own tools. Run '{instead}' with the URL of the store.")
    return Path(url.database or "")
