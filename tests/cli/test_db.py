from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from speakerid.db.migrate import head
from tests.cli.command import Command


def test_a_store_is_upgraded(speakerid: Command) -> None:
    assert speakerid("db", "revision", "--json").json == {"revision": None, "head": head()}
    assert speakerid("db", "upgrade", "--json").json == {"revision": head(), "head": head()}
    assert speakerid("db", "upgrade").out == f"revision {head()}, newest {head()}\n"
    assert speakerid("db", "revision").out == f"revision {head()}, newest {head()}\n"


def test_a_store_is_rewritten_without_what_was_erased(speakerid: Command, tmp_path: Path) -> None:
    store = tmp_path / "old.db"
    assert speakerid("db", "upgrade", "--store", str(store)).code == 0
    with closing(sqlite3.connect(store)) as connection, connection:  # without secure_delete
        connection.execute("CREATE TABLE gone (name TEXT)")
        connection.execute("INSERT INTO gone VALUES ('Ottoline of Nowhere')")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TABLE gone")
    assert speakerid("db", "vacuum", "--store", str(store)).code == 0
    assert b"Ottoline" not in b"".join(file.read_bytes() for file in tmp_path.glob("old.db*"))
