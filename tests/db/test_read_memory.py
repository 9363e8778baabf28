"""What was read of a SQLite store is remembered until anybody commits, in this process or another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from speakerid.db.engine import Database, open_database
from speakerid.db.repositories import galleries
from speakerid.errors import GalleryNotFound, StoreReplaced
from tests.db.rows import add_gallery


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def other(store_url: str) -> Iterator[Database]:
    """As another process has the store open."""
    opened = open_database(store_url)
    yield opened
    opened.close()


def names(database: Database) -> list[str]:
    return database.remembered("names", lambda db: [row.name for row in galleries.every(db)])


def names_now(database: Database) -> list[str]:
    with database.read() as db:
        return [row.name for row in galleries.every(db)]


def test_what_was_read_is_remembered_until_anybody_commits(database: Database, other: Database) -> None:
    add_gallery(database, "one")
    first = names(database)
    assert names(database) is first
    add_gallery(other, "two")
    assert names(database) == ["one", "two"]
    add_gallery(database, "three")
    assert names(database) == ["one", "three", "two"]


def test_what_this_process_changes_is_forgotten_at_once(database: Database) -> None:
    add_gallery(database, "one")
    names(database)
    add_gallery(database, "two")
    assert database.memory.peek("names") is None


def test_what_was_read_before_a_commit_is_not_kept_after_it(database: Database) -> None:
    def read() -> list[str]:
        found = names_now(database)
        add_gallery(database, "late")
        return found

    assert database.memory.get("names", read) == []
    assert database.memory.peek("names") is None


def test_what_is_not_there_is_asked_for_again(database: Database, other: Database) -> None:
    def find() -> str:
        return database.remembered("team", lambda db: galleries.get(db, "team").name)

    with pytest.raises(GalleryNotFound):
        find()
    add_gallery(other)
    assert find() == "team"


def test_a_transaction_that_is_undone_is_no_commit(database: Database) -> None:
    before = database.revision()
    with pytest.raises(ZeroDivisionError), database.write():
        raise ZeroDivisionError
    assert before is not None
    assert database.revision() == before


def test_what_is_known_without_a_look_is_as_of_the_last_look(database: Database, other: Database) -> None:
    assert database.memory.peek("names") is None
    found = names(database)
    add_gallery(other)
    assert database.memory.peek("names") is found
    names(database)
    assert database.memory.peek("names") == ["team"]


def test_of_a_store_that_only_can_be_read_nothing_is_remembered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerid.db.store_file.SqliteFile.writable", False)
    assert database.revision() is None
    assert names(database) is not names(database)


def test_nothing_is_known_any_more_while_commits_cannot_be_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(database)
    monkeypatch.setattr(database.watch, "now", lambda wait: None)
    names(database)
    assert database.memory.peek("names") is None


def test_a_connection_that_fails_is_made_anew(database: Database) -> None:
    before = database.revision()
    assert database.watch is not None
    assert database.watch._connection is not None
    database.watch._connection.close()
    assert database.revision() is None
    after = database.revision()
    assert after is not None
    assert after != before


def test_a_store_that_was_replaced_is_noticed(database: Database, tmp_path: Path) -> None:
    names(database)
    assert database.file is not None
    database.file.unlink()
    sqlite3.connect(database.file).close()
    with pytest.raises(StoreReplaced):
        names(database)
