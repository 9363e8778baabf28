"""`speakerid db`: the store's schema."""

from __future__ import annotations

import typer

from speakerid.cli.backend import open_store
from speakerid.cli.options import Store, with_options
from speakerid.cli.output import emit, say

app = typer.Typer(name="db", help="Look at and upgrade the store's schema.", no_args_is_help=True)


@app.command()
@with_options
def upgrade(options: Store) -> None:
    """Bring the store to the newest schema. `serve` does the same at its start."""
    from speakerid.db import migrate

    with open_store(options, newest_schema=False) as database:
        reached = migrate.upgrade(database)
    _answer(options, reached)


@app.command()
@with_options
def revision(options: Store) -> None:
    """The store's schema revision, and the newest one."""
    from speakerid.db import migrate

    with open_store(options, newest_schema=False) as database, database.read() as db:
        found = migrate.revision(db.connection())
    _answer(options, found)


def _answer(options: Store, revision: str | None) -> None:
    from speakerid.db.migrate import head

    if options.as_json:
        emit({"revision": revision, "head": head()})
    else:
        say(f"revision {revision or 'none'}, newest {head()}")
