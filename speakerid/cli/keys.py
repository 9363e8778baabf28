"""`speakerid keys`: create, list, revoke. Keys are made where the store is, never over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_store
from speakerid.cli.console import confirm, echo, emit, plain, table
from speakerid.cli.options import Store, Yes, with_options

if TYPE_CHECKING:
    from speakerid.types import Key

app = typer.Typer(name="keys", help="Create, list and revoke API keys.", no_args_is_help=True)


@app.command()
@with_options
def create(
    options: Store,
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="enroll, identify, read or admin (all of them); may be repeated.")
    ],
    gallery: Annotated[
        list[str] | None, typer.Option("--gallery", help="Only this gallery; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Make a key and print its secret, this once: only a hash is kept."""
    from speakerid.services import keys

    with open_store(options) as database, database.write() as db:
        made = keys.create(db, name, tuple(scope), tuple(gallery or ()))
    if options.as_json:
        emit({"key": made.key, "secret": made.secret})
    else:
        echo(made.secret)
        typer.echo(f"This is key {made.key.id}. Keep the secret now: it is not shown again.", err=True)


@app.command("list")
@with_options
def list_keys(options: Store) -> None:
    """Every key, without its secret."""
    from speakerid.services import keys

    with open_store(options) as database, database.read() as db:
        found = keys.every(db)
    if options.as_json:
        emit({"items": found})
    else:
        table(("id", "name", "scopes", "galleries", "created"), [_row(one) for one in found])


def _row(key: Key) -> tuple[str, ...]:
    galleries = ", ".join(key.galleries) or "all"
    return (key.id, key.name, ", ".join(key.scopes), galleries, f"{key.created_at:%Y-%m-%d}")


@app.command()
@with_options
def revoke(
    options: Store,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `keys list`.")],
    yes: Yes = False,
) -> None:
    """Forget a key; requests with it are refused from now on. With --json nothing is printed.

    Without any key all requests are refused, until `speakerid keys allow-none`.
    """
    from speakerid.services import keys

    confirm(f"Revoke {plain(key)}? Whoever uses it is refused from now on.", yes)
    with open_store(options) as database, database.write() as db:
        keys.revoke(db, key)
    if not options.as_json:
        echo(f"Revoked {key}.")


@app.command("allow-none")
@with_options
def allow_none(options: Store) -> None:
    """Serve this machine's programs without a key again, on a loopback address. Refused while the store has keys.

    From the first key on the store is closed to who has none, also after all were revoked. With --json nothing is
    printed.
    """
    from speakerid.services import keys

    with open_store(options) as database, database.write() as db:
        keys.allow_without(db)
    if not options.as_json:
        echo("Programs of this machine need no key now.")
