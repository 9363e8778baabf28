from __future__ import annotations

from speakerid.db.migrate import head
from tests.cli.command import Command


def test_a_store_is_upgraded(speakerid: Command) -> None:
    assert speakerid("db", "revision", "--json").json == {"revision": None, "head": head()}
    assert speakerid("db", "upgrade", "--json").json == {"revision": head(), "head": head()}
    assert speakerid("db", "upgrade").out == f"revision {head()}, newest {head()}\n"
    assert speakerid("db", "revision").out == f"revision {head()}, newest {head()}\n"
