"""A plain store becomes an encrypted one, and an encrypted one gets another master key.

Encrypting goes through the store in steps. Each is one transaction that reads how far the store is, seals the next
rows and notes it, so a kill loses nothing, the next run goes on where it was, and two that run at once seal nothing
twice. Meanwhile no one else may use the store: who has it open is refused at the next transaction (db/unlock.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, select, text, update

from speakerid.db import unlock
from speakerid.db.binding import SECRETS
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import Database, Handle
from speakerid.db.models import Base, EncryptionRow, GalleryKeyRow
from speakerid.db.repositories import changes
from speakerid.db.sealing import Raw
from speakerid.errors import DataDamaged, EncryptionChanged, MasterKeyMissing

AT_ONCE = 1_000  # rows in one transaction
AT_ONCE_BYTES = 32 * 1024 * 1024  # of voices and audio in these: one file of audio may have 64 MB
UNFINISHED = (1, 1)
Watch = Callable[[str, int], None]  # a table, and how many rows of it were sealed
Place = list[Any]  # a table, and the primary key of its last row that was sealed; empty at the beginning


def encrypt(database: Database, master: MasterKey, watch: Watch = lambda table, rows: None) -> bool:
    """Seal what the store has, or go on with that. False where that was done before. Nothing else may use the store.

    Raises MasterKeyWrong, StoreUnavailable.
    """
    with database.write() as db:
        found = unlock.begin(database, db, master, unfinished=True)
    unlock.require_key(found, master)
    if found.unfinished is None:
        return False
    unlock.use(database, master, state=UNFINISHED)
    while _step(database, watch):
        pass
    return True


def rotate(database: Database, new: MasterKey) -> int:
    """Wrap every gallery's key anew, in one transaction: the former master key opens nothing then. How many.

    Raises MasterKeyMissing for a store that was opened without one, DataDamaged, EncryptionChanged.
    """
    if (keyring := database.keyring) is None:
        raise MasterKeyMissing("The store is not encrypted, or is to be.")
    with database.write() as db:
        keyring.require_master(db.connection())
        keys = list(db.scalars(select(GalleryKeyRow).with_for_update()))
        for one in keys:
            wrapped = keyring.rewrapped(one.wrapped, one.gallery_key, new)
            if wrapped is None:
                raise DataDamaged(f"the key of the gallery with the number {one.gallery_key}")
            one.wrapped = wrapped
        _row(db).master_id = new.id.hex()
        changes.note_erasure(db)
    return len(keys)


def _step(database: Database, watch: Watch) -> bool:
    """Seal the next rows. False where there were none: the store is encrypted now."""
    with database.write() as db:
        encryption = _row(db)
        for table, after in _ahead(encryption.unfinished or []):
            if rows := _raw(db.connection(), table, SECRETS[table.name], after):
                _seal(db.connection(), table, rows)
                encryption.unfinished = [table.name, *(rows[-1][column.name] for column in table.primary_key)]
                break
        else:
            encryption.unfinished = None
            changes.note_erasure(db)
            return False
    watch(table.name, len(rows))
    return True


def _ahead(place: Place) -> Iterator[tuple[Table, list[Any]]]:
    """Tables with rows that may not be sealed yet, and the primary key of the last one that is."""
    for name in sorted(SECRETS):
        if not place or name >= place[0]:
            yield Base.metadata.tables[name], place[1:] if place and name == place[0] else []


def _seal(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    keys = [column.name for column in table.primary_key]
    by_key = update(table).where(*(table.c[one] == bindparam(f"{table.name}_{one}") for one in keys))
    changed = [
        {f"{table.name}_{one}": row[one] for one in keys}
        | {one.key: None if row[one.name] is None else Raw(row[one.name]) for one in SECRETS[table.name]}
        for row in rows
    ]
    connection.execute(by_key, changed)


def _raw(
    connection: Connection, table: Table, columns: Sequence[Column[Any]], after: Sequence[Any]
) -> list[dict[str, Any]]:
    """The next rows with their secrets as bytes, whatever these are: what is damaged stays so."""
    keys = [column.name for column in table.primary_key]
    as_bytes = [f"{_bytes(connection.dialect.name, column)} AS {column.name}" for column in columns]
    behind = " AND ".join(["1 = 1", *_behind(keys, after)])
    rest = f"FROM {table.name} WHERE {behind} ORDER BY {', '.join(keys)} LIMIT :n"
    place = {f"after{nth}": one for nth, one in enumerate(after)}
    lengths = " + ".join(["0", *(f"coalesce(length({one.name}), 0)" for one in columns if one.type.binary)])  # type: ignore[attr-defined]  # of secrets
    sizes = connection.scalars(text(f"SELECT {lengths} {rest}"), place | {"n": AT_ONCE})
    before = accumulate(sizes, initial=0)  # bytes in front of each row
    count = sum(size < AT_ONCE_BYTES for size in list(before)[:-1])
    rows = connection.execute(text(f"SELECT {', '.join(keys + as_bytes)} {rest}"), place | {"n": count})
    return [dict(row) for row in rows.mappings()]


def _behind(keys: Sequence[str], after: Sequence[Any]) -> list[str]:
    places = ", ".join(f":after{nth}" for nth in range(len(after)))
    return [f"({', '.join(keys)}) > ({places})"] if after else []


def _bytes(dialect: str, column: Column[Any]) -> str:
    if dialect == "sqlite":
        return f"CAST({column.name} AS BLOB)"
    return column.name if column.type.binary else f"convert_to(CAST({column.name} AS TEXT), 'UTF8')"  # type: ignore[attr-defined]  # of secrets


def _row(db: Handle) -> EncryptionRow:
    """Held until the transaction ends. Raises EncryptionChanged."""
    if (found := db.get(EncryptionRow, unlock.ONLY, with_for_update=True)) is None:
        raise EncryptionChanged
    return found
