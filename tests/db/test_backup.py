"""Backups are whole however busy the store is; restoring loses nothing that was not meant to be lost."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text

from speakerid.db import backup as copies
from speakerid.db.engine import Database, open_database
from speakerid.db.models import SpeakerRow
from speakerid.errors import (
    BackupFailed,
    FileMissing,
    StoreExists,
    StoreInUse,
    StoreMissing,
    StoreNewer,
    StoreSchemaUnknown,
)
from tests.db.rows import add_gallery, add_speaker
from tests.waiting import until

pytestmark = pytest.mark.parametrize("store_kind", ["sqlite"])
WRITER = """
import sys
from speakerid.db.engine import open_database
from tests.db.rows import add_speaker
database, gallery = open_database(sys.argv[1]), int(sys.argv[2])
for nth in range(100_000):
    with database.write() as db:
        for part in ("first", "second"):
            add_speaker(db, gallery, nth, f"{sys.argv[3]}-{nth}-{part}")
    print(nth, flush=True)
"""


def names(path: Path) -> set[str]:
    database = open_database(path)
    with database.read() as db:
        found = set(db.scalars(select(SpeakerRow.name)))
    database.close()
    return found


@pytest.fixture
def filled(database: Database) -> Database:
    key = add_gallery(database)
    with database.write() as db:
        add_speaker(db, key, name="Ada")
    return database


def test_a_backup_is_restored_as_it_was(filled: Database, store_url: str, tmp_path: Path) -> None:
    out, new = tmp_path / "copy.db", tmp_path / "new.db"
    copies.backup(Path(store_url), out)
    assert sorted(one.name for one in tmp_path.glob("*copy.db*")) == ["copy.db"]
    copies.restore(out, new)
    assert names(new) == {"Ada"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in (out, new)} == {0o600}


@pytest.mark.slow
def test_a_backup_of_a_busy_store_has_all_that_was_acknowledged_before(
    database: Database, store_url: str, tmp_path: Path
) -> None:
    key = str(add_gallery(database))
    command = [sys.executable, "-c", WRITER, store_url, key]
    running = [subprocess.Popen([*command, f"w{n}"], stdout=subprocess.PIPE, text=True) for n in range(4)]
    acknowledged = set[str]()
    for nth, process in enumerate(running):
        assert process.stdout is not None
        for _ in range(10):
            acknowledged |= {f"w{nth}-{process.stdout.readline().strip()}-{part}" for part in ("first", "second")}
    out = tmp_path / "copy.db"
    copies.backup(Path(store_url), out)
    until(lambda: names(out) < names(Path(store_url)))  # they went on meanwhile
    for process in running:
        assert process.poll() is None
        process.terminate()
        process.communicate(timeout=300)
    found = names(out)
    assert acknowledged <= found
    whole = {one.rpartition("-")[0] for one in found}
    assert found == {f"{one}-{part}" for one in whole for part in ("first", "second")}


def test_nothing_is_overwritten(filled: Database, store_url: str, tmp_path: Path) -> None:
    out = tmp_path / "copy.db"
    copies.backup(Path(store_url), out)
    before = out.read_bytes()
    with pytest.raises(StoreExists):
        copies.backup(Path(store_url), out)
    with pytest.raises(StoreExists, match="--replace"):
        copies.restore(out, Path(store_url))
    assert out.read_bytes() == before


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_is_never_taken_for_a_store(filled: Database, store_url: str, tmp_path: Path, replace: bool) -> None:
    out, folder = tmp_path / "copy.db", tmp_path / "folder"
    copies.backup(Path(store_url), out)
    folder.mkdir()
    with pytest.raises(StoreExists):
        copies.restore(out, folder, replace=replace)
    assert sorted(one.name for one in tmp_path.glob("*folder*")) == ["folder"]


@pytest.mark.parametrize("ending", ["", "-journal", "-wal"])
def test_what_a_killed_backup_left_goes_with_the_next(
    filled: Database, store_url: str, tmp_path: Path, ending: str
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    at_work = tmp_path / f".other.db.{os.getppid()}.speakerid-part"
    gone = [
        tmp_path / f".yesterday.db.{ended.pid}.speakerid-part{ending}",
        tmp_path / f".copy.db.{os.getpid()}.speakerid-part{ending}",  # the same id as in the container before
    ]
    foreign = tmp_path / f".copy.db.{ended.pid}.part"
    for one in (at_work, foreign, *gone):
        one.write_bytes(b"voices")
    copies.backup(Path(store_url), tmp_path / "copy.db")
    assert [one.exists() for one in (at_work, foreign, *gone)] == [True, True, False, False]
    assert names(tmp_path / "copy.db") == {"Ada"}


def test_a_store_in_use_is_not_replaced(filled: Database, store_url: str, tmp_path: Path) -> None:
    out = tmp_path / "copy.db"
    copies.backup(Path(store_url), out)
    with filled.write() as db:
        db.execute(text("UPDATE speakers SET name = 'Ben'"))
    with pytest.raises(StoreInUse):
        copies.restore(out, Path(store_url), replace=True)
    assert names(Path(store_url)) == {"Ben"}
    filled.close()
    copies.restore(out, Path(store_url), replace=True)
    assert names(Path(store_url)) == {"Ada"}


def test_the_log_of_a_lost_store_is_not_taken_for_that_of_the_restored_one(
    filled: Database, store_url: str, tmp_path: Path
) -> None:
    out, new = tmp_path / "copy.db", tmp_path / "new.db"
    copies.backup(Path(store_url), out)
    Path(f"{new}-wal").write_bytes(b"left behind")
    with pytest.raises(StoreExists):
        copies.restore(out, new)
    copies.restore(out, new, replace=True)
    assert not Path(f"{new}-wal").exists()


def test_what_was_erased_and_not_scrubbed_is_not_in_the_backup(
    filled: Database, store_url: str, tmp_path: Path
) -> None:
    with filled.write() as db:
        db.execute(text("INSERT INTO erasures DEFAULT VALUES"))
    copies.backup(Path(store_url), tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT count(*) FROM erasures").fetchone() == (0,)


@pytest.mark.parametrize("damage", ["letter", "hole", "later", "branch", "empty"])
def test_what_cannot_be_used_is_not_restored(filled: Database, store_url: str, tmp_path: Path, damage: str) -> None:
    out, new = tmp_path / "copy.db", tmp_path / "new.db"
    copies.backup(Path(store_url), out)
    if damage == "letter":
        out.write_text("Dear Ada, this is a letter and no backup. " * 100)
    elif damage == "hole":
        data = bytearray(out.read_bytes())
        data[4096 : 4096 * 6] = os.urandom(4096 * 5)
        out.write_bytes(data)
    else:
        with closing(sqlite3.connect(out)) as connection, connection:
            say = {"later": "UPDATE alembic_version SET version_num = '9999'", "branch": "DELETE FROM alembic_version"}
            if damage == "empty":
                for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'a%'").fetchall():
                    connection.execute(f"DROP TABLE {table}")
            connection.execute(say.get(damage, "DROP TABLE galleries"))
    with pytest.raises((BackupFailed, StoreNewer, StoreSchemaUnknown)):
        copies.restore(out, new)
    assert [one.name for one in tmp_path.iterdir() if "new.db" in one.name] == []


def test_what_is_not_there_is_named(tmp_path: Path, store_kind: str) -> None:
    for name in ("nothing.db", "n" * 300):
        with pytest.raises(StoreMissing):
            copies.backup(tmp_path / name, tmp_path / "copy.db")
        with pytest.raises(FileMissing):
            copies.restore(tmp_path / name, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_new_store_are_their_owner_s_alone(tmp_path: Path, store_kind: str) -> None:
    before = os.umask(0)
    try:
        database = open_database(tmp_path / "new.db")
        with database.write() as db:
            db.execute(text("CREATE TABLE one (id INTEGER)"))
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_an_existing_store_keeps_its_mode(filled: Database, store_url: str) -> None:
    filled.close()
    Path(store_url).chmod(0o640)
    assert names(Path(store_url)) == {"Ada"}
    assert stat.S_IMODE(Path(store_url).stat().st_mode) == 0o640
