"""`speakerid backup`, `restore`, `db` and `index`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from speakerid.db.migrate import head
from tests.cli.command import Command
from tests.postgres import Postgres


def test_a_store_is_backed_up_and_restored(enrolled: Command, tmp_path: Path) -> None:
    out, new = tmp_path / "copy.db", tmp_path / "new.db"
    assert enrolled("backup", out).out == f"Wrote {out}.\n"
    assert enrolled("backup", out, "--json").problem["code"] == "store_exists"
    assert enrolled("restore", out, "--store", new).out == f"Restored {new}.\n"
    assert enrolled("speakers", "list", "--json", "--store", new).out == enrolled("speakers", "list", "--json").out


def test_for_postgresql_the_command_to_run_is_named(speakerid: Command) -> None:
    url = "postgresql://me:secret@host/voices"
    for verb, tool in (("backup", "pg_dump --format=custom --file=x.dump"), ("restore", "pg_restore")):
        ran = speakerid(verb, "x.dump", "--store", url)
        assert ran.code == 1
        assert tool in ran.err
        assert "secret" not in ran.err


def test_a_store_is_upgraded(speakerid: Command) -> None:
    assert speakerid("db", "revision", "--json").problem["code"] == "store_missing"
    assert speakerid("db", "upgrade", "--json").json == {"revision": head(), "head": head()}
    assert speakerid("db", "upgrade").out == f"revision {head()}, newest {head()}\n"
    assert speakerid("db", "revision").out == f"revision {head()}, newest {head()}\n"


def test_a_damaged_voiceprint_is_found_and_made_again(enrolled: Command) -> None:
    assert enrolled("index", "verify").out == "Everything can be used.\n"
    with closing(sqlite3.connect(enrolled.store)) as connection, connection:
        connection.execute("UPDATE speakers SET voiceprint = zeroblob(8) WHERE key = 1")
    found = enrolled("index", "verify", "--json")
    assert (found.code, [one["kind"] for one in found.json["items"]]) == (1, ["speaker"])
    assert enrolled("index", "rebuild", "--json").json == {"speakers": [found.json["items"][0]["id"]]}
    assert enrolled("index", "verify").code == 0


@pytest.mark.slow
def test_postgresql_searches_a_store_where_it_is_told_to(speakerid: Command, postgres: Postgres) -> None:
    assert speakerid("db", "upgrade").code == 0
    assert speakerid("db", "pgvector", "--json").problem["code"] == "pgvector_unavailable"  # SQLite
    with postgres.database(migrated=True) as url:
        assert speakerid("db", "pgvector", "--store", url).out.startswith("PostgreSQL searches 0 voiceprints.")
        ran = speakerid("db", "pgvector", "--approximate", "--json", "--store", url)
        assert ran.json == {"voiceprints": 0, "approximate": True, "approximate_lengths": []}
        assert "There is no voiceprint yet" in speakerid("db", "pgvector", "--approximate", "--store", url).out
        assert speakerid("db", "pgvector", "--off", "--store", url).out.startswith("Galleries are searched in memory.")


def test_replacing_a_store_is_asked_or_said(enrolled: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, replace = tmp_path / "copy.db", ("restore", tmp_path / "copy.db", "--replace")
    assert enrolled("backup", copy).code == 0
    before = enrolled.store.read_bytes()
    ran = enrolled(*replace)
    assert (ran.code, "--yes is needed" in ran.err) == (2, True)
    monkeypatch.setattr("speakerid.cli.console.at_terminal", lambda: True)
    assert enrolled(*replace).code == 1  # the answer to the question is empty
    assert enrolled.store.read_bytes() == before
    assert enrolled(*replace, "--yes").out == f"Restored {enrolled.store}.\n"
    assert enrolled(*replace, "--store", tmp_path / "new.db").code == 0  # nothing there to lose
