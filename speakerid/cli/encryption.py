"""`speakerid db new-master-key`, `encrypt` and `rotate-master-key`: a store that only a key opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_store
from speakerid.cli.console import echo, emit
from speakerid.cli.options import Store, read_settings, with_options

if TYPE_CHECKING:
    from speakerid.db.cipher import MasterKey
    from speakerid.db.engine import Database

POSTGRESQL = (
    "PostgreSQL keeps what was plain in its files for now: run VACUUM (FULL, ANALYZE), and remove write-ahead logs, "
    "replicas and backups from before."
)
FILES = "Backups from before are plain: remove them, too."


@with_options
def new_master_key(
    options: Store, file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make; never overwritten.")]
) -> None:
    """Write a new random master key to a file that only its owner can read.

    Keep a copy elsewhere, not beside the store or its backups: without it nothing of an encrypted store can be read.
    With --json nothing is printed.
    """
    from speakerid.db.cipher import write_new_master_key

    write_new_master_key(file)
    if not options.as_json:
        echo(f"Wrote {file}. Set SPEAKERID_MASTER_KEY_FILE to it, and keep a copy where the store's backups are not.")


@with_options
def encrypt(options: Store) -> None:
    """Encrypt a store that is not yet: voices, audio, names and what else says who. Stop what uses it first.

    It needs SPEAKERID_MASTER_KEY_FILE. When it is stopped in between, run it again: it goes on where it was. A store
    that is encrypted already stays as it is.
    """
    from speakerid.bootstrap import kept_snapshots
    from speakerid.db import encrypting

    with open_store(options, unlocked=False) as database:
        done = encrypting.encrypt(database, _master_key(options))
        scrubbed = database.scrub()
        kept_snapshots(database, read_settings(store=options.store)).clear()  # an encrypted store has none
    if options.as_json:
        emit({"encrypted": done, "scrubbed": scrubbed})
        return
    echo("The store is encrypted." if done else "The store was encrypted already.")
    if done:
        echo(f"{_left(database, scrubbed)}{FILES if database.is_sqlite else POSTGRESQL}")


def _master_key(options: Store) -> MasterKey:
    """Raises MasterKeyError."""
    from speakerid.db.cipher import MasterKey
    from speakerid.errors import MasterKeyMissing

    found = MasterKey.given(read_settings(store=options.store).master_key_file)
    if found is None:
        raise MasterKeyMissing("This needs a master key: 'speakerid db new-master-key FILE' makes one.")
    return found


def _left(database: Database, scrubbed: bool) -> str:
    if scrubbed:
        return ""
    return f"Traces of what was plain are still in {database.file}: the next start of the service removes them. "


@with_options
def rotate_master_key(
    options: Store,
    new: Annotated[Path, typer.Argument(metavar="NEW_FILE", help="The file with the new master key.")],
) -> None:
    """Give the store another master key: the one of SPEAKERID_MASTER_KEY_FILE opens nothing of it from then on.

    Set SPEAKERID_MASTER_KEY_FILE to the new file afterwards, and start what uses the store anew. Backups made before
    still open with the old key.
    """
    from speakerid.db import encrypting
    from speakerid.db.cipher import MasterKey

    with open_store(options) as database:
        count = encrypting.rotate(database, MasterKey.read(new))
        database.scrub()
    if options.as_json:
        emit({"galleries": count})
    else:
        echo(f"Wrapped the keys of {count} galleries anew. Set SPEAKERID_MASTER_KEY_FILE to {new} from now on.")
