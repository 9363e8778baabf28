"""`speakerid keys`: create, list, rotate, revoke. The first key is made where the store is; a server makes others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_operations, open_store
from speakerid.cli.console import confirm, echo, emit, plain, table
from speakerid.cli.options import Store, StoreOrServer, Yes, with_options

if TYPE_CHECKING:
    from speakerid.cli.store_operations import StoreOperations
    from speakerid.client.operations import Operations
    from speakerid.types import Key, NewKey

KeyNameOrId = Annotated[str, typer.Argument(metavar="KEY", help="Its name, or its id from `keys list`.")]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="90d|DATE", help="A span (90d, 24h, 15m), or its last day (2027-01-31, in UTC)."),
]
app = typer.Typer(name="keys", help="Create, list, rotate and revoke API keys.", no_args_is_help=True)


@app.command()
@with_options
def create(
    options: StoreOrServer,
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="enroll, identify, read or admin (all of them); may be repeated.")
    ],
    gallery: Annotated[
        list[str] | None, typer.Option("--gallery", help="Only this gallery; may be repeated. Default: all.")
    ] = None,
    expires: Expires = None,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", metavar="N", help="Requests a minute; more are answered 429.")
    ] = None,
    audio_per_day: Annotated[
        int | None,
        typer.Option("--audio-per-day", metavar="SECONDS", help="Seconds of audio a day (UTC); more is answered 429."),
    ] = None,
) -> None:
    """Make a key and print its secret, this once: only a hash is kept."""
    with open_operations(options) as operations:
        made = operations.create_key(
            name,
            scope,
            galleries=gallery or (),
            expires=expires,
            requests_per_minute=per_minute,
            audio_seconds_per_day=audio_per_day,
        )
    _show_secret(options, made)


@app.command()
@with_options
def rotate(
    options: StoreOrServer,
    name: KeyNameOrId,
    grace: Annotated[
        str, typer.Option("--grace", metavar="SPAN", help="How long the old secret is taken; 0: no longer.")
    ] = "24h",
    expires: Expires = None,
) -> None:
    """Give a key a new secret and print it, this once. Put it where the old one is within the grace period."""
    with open_operations(options) as operations:
        made = operations.rotate_key(_id_of(operations, name), grace=grace, expires=expires)
    _show_secret(options, made)


def _show_secret(options: Store, made: NewKey) -> None:
    if options.as_json:
        emit(made)
    else:
        echo(made.secret)
        typer.echo(f"This is key {made.key.id}. Keep the secret now: it is not shown again.", err=True)


@app.command("list")
@with_options
def list_keys(options: StoreOrServer) -> None:
    """Every key, without its secret."""
    with open_operations(options) as operations:
        found = operations.list_keys()
    if options.as_json:
        emit({"items": found})
    else:
        heads = ("id", "name", "scopes", "galleries", "a minute", "audio today (s)", "created", "last used", "expires")
        table(heads, [_row(one) for one in found])


def _row(key: Key) -> tuple[str, ...]:
    galleries = ", ".join(key.galleries) or "all"
    rate = str(key.requests_per_minute or "–")
    most = key.audio_seconds_per_day
    audio = "–" if most is None else f"{key.audio_seconds_today:.0f} of {most}"
    used = f"{key.last_used_on}" if key.last_used_on else "–"
    ends = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "never"
    made = f"{key.created_at:%Y-%m-%d}"
    return (key.id, key.name, ", ".join(key.scopes), galleries, rate, audio, made, used, ends)


@app.command()
@with_options
def revoke(
    options: StoreOrServer,
    name: KeyNameOrId,
    yes: Yes = False,
) -> None:
    """Forget a key; requests with it are refused from now on. With --json nothing is printed.

    Without any key all requests are refused, until `speakerid keys allow-none`.
    """
    confirm(f"Revoke {plain(name)}? Whoever uses it is refused from now on.", yes)
    with open_operations(options) as operations:
        key_id = _id_of(operations, name)
        operations.revoke_key(key_id)
    if not options.as_json:
        echo(f"Revoked {key_id}.")


def _id_of(operations: StoreOperations | Operations, text: str) -> str:
    """Of the key with this id, or with a name that no other key has; else what was given. Raises AmbiguousName."""
    from speakerid.errors import AmbiguousName
    from speakerid.names import name_key

    found = operations.list_keys()
    named = [one.id for one in found if name_key(one.name) == name_key(text)]
    if text in [one.id for one in found] or not named:
        return text
    if len(named) > 1:
        raise AmbiguousName(text, named, of="keys")
    return named[0]


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
