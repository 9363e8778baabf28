"""`speakerid backup`, `restore`, `db` and `index`: what is done to a whole store."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli import encryption
from speakerid.cli.backend import open_store
from speakerid.cli.console import confirm, echo, emit, plain, refuse_if, table
from speakerid.cli.options import Store, Yes, read_settings, with_options

db = typer.Typer(name="db", help="The store's schema, encryption, and who searches it.", no_args_is_help=True)
db.command("new-master-key")(encryption.new_master_key)
db.command("encrypt")(encryption.encrypt)
db.command("rotate-master-key")(encryption.rotate_master_key)
index = typer.Typer(name="index", help="Find rows that cannot be used, and repair voiceprints.", no_args_is_help=True)


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
        echo(f"Wrote {out}.")


@with_options
def restore(
    options: Store,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by `speakerid backup`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Lose what the store holds now.")] = False,
    yes: Yes = False,
) -> None:
    """Make the store from a backup, after checking that it is whole. A store that is in use is never replaced.

    What --replace loses has no way back, so it asks, and a script says --yes. With --json nothing is printed.
    """
    from speakerid.db import backup as copies

    store = _file(options, f"pg_restore --clean --if-exists --dbname=URL {shlex.quote(str(file))}")
    if replace and not yes and store.exists():
        confirm(f"Lose all that {plain(str(store))} holds now? There is no way back.", yes)
    copies.restore(file, store, replace=replace)
    if not options.as_json:
        echo(f"Restored {store}.")


def _file(options: Store, instead: str) -> Path:
    """Where the SQLite store is. Raises InvalidRequest, with what to do `instead`, for PostgreSQL."""
    from speakerid.db.engine import store_url
    from speakerid.errors import InvalidRequest

    url = store_url(read_settings(store=options.store).store)
    if url.get_backend_name() != "sqlite":
        raise InvalidRequest(f"PostgreSQL has its own tools. Run '{instead}' with the URL of the store.")
    return Path(url.database or "")


@db.command()
@with_options
def upgrade(options: Store) -> None:
    """Bring the store to the newest schema. `serve` does the same at its start."""
    from speakerid.db import migrate

    with open_store(options, create=True, newest_schema=False) as database:
        reached = migrate.upgrade(database)
    _answer_revision(options, reached)


@db.command()
@with_options
def revision(options: Store) -> None:
    """The store's schema revision, and the newest one."""
    from speakerid.db import migrate

    with open_store(options, newest_schema=False) as database, database.read() as handle:
        found = migrate.revision(handle.connection())
    _answer_revision(options, found)


def _answer_revision(options: Store, revision: str | None) -> None:
    from speakerid.db.migrate import head

    if options.as_json:
        emit({"revision": revision, "head": head()})
    else:
        echo(f"revision {revision or 'none'}, newest {head()}")


@db.command("pgvector")
@with_options
def search_in_postgresql(
    options: Store,
    off: Annotated[bool, typer.Option("--off", help="Search in memory again. Nothing of it is left.")] = False,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="By an index of neighbors (HNSW): quick, and not always the nearest.")
    ] = False,
) -> None:
    """Have PostgreSQL search galleries by its extension pgvector, for those that do not fit into memory.

    Exactly, unless --approximate is said; to say it or not to say it changes that later. Start what uses the store
    anew afterwards; who enrolls meanwhile waits. An encrypted store cannot be searched so.
    """
    from speakerid.db import pgvector

    with open_store(options) as database, database.write() as handle:
        if off:
            pgvector.turn_off(handle)
            count, lengths = None, []
        else:
            count = pgvector.turn_on(handle, approximate=approximate)
            lengths = pgvector.approximate_lengths(handle)
    if options.as_json:
        emit({"voiceprints": count, "approximate": approximate and not off, "approximate_lengths": lengths})
    elif count is None:
        echo("Galleries are searched in memory. Start what uses the store anew.")
    else:
        echo(f"PostgreSQL searches {count} voiceprints. Start what uses the store anew.")
        if approximate:
            echo(_indexed(lengths))


def _indexed(lengths: list[int]) -> str:
    from speakerid.db import pgvector

    if not lengths:
        return f"There is no voiceprint yet to make an index of neighbors for. {pgvector.AGAIN} when there are many."
    numbers = " and ".join(map(str, lengths))
    return f"Voiceprints of {numbers} numbers have an index of neighbors. {pgvector.AGAIN} for those of other lengths."


@index.command()
@with_options
def verify(options: Store) -> None:
    """Go through the whole store and name every row that cannot be used, by id, and every voiceprint that is wrong,
    missing or too many beside its utterances. Exit code 1 if there is one.

    Speakers whose row cannot be used are kept, but not found; all others are served.
    """
    from speakerid.services import health

    with open_store(options) as database, database.read() as db:
        found = health.damage(db)
    if options.as_json:
        emit({"items": [asdict(one) for one in found]})
    elif found:
        table(("kind", "id", "gallery", "what"), [(one.kind, one.id, one.gallery, one.what) for one in found])
    else:
        echo("Everything can be used.")
    refuse_if(bool(found))


@index.command()
@with_options
def rebuild(options: Store) -> None:
    """Make voiceprints again that are damaged, wrong, missing or too many. Servers follow at once."""
    from speakerid.services import health

    with open_store(options) as database, database.write() as db:
        made = health.rebuild_voiceprints(db)
    if options.as_json:
        emit({"speakers": list(made)})
    else:
        echo(f"Made {len(made)} voiceprints again.")
