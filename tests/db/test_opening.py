"""A SQLite store as it lies on people's disks: read-only, locked, moved away, or no store at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from traceback import format_exception

import pytest
from sqlalchemy import select, text

from speakerid.db import engine as opening
from speakerid.db.engine import Database, open_database
from speakerid.db.migrate import head, upgrade
from speakerid.db.models import GalleryRow
from speakerid.db.store_file import SqliteFile, failure
from speakerid.errors import (
    StoreBusy,
    StoreError,
    StoreMissing,
    StoreReadOnly,
    StoreReplaced,
    StoreSchemaUnknown,
    StoreUnavailable,
)
from tests.db.rows import add_gallery, gallery_row

READ = "import sys; from speakerid.db.engine import open_database; from speakerid.db.migrate import upgrade; "
READ += "database = open_database(sys.argv[1], create=False); upgrade(database)"


@pytest.fixture
def store(tmp_path: Path, sqlite_template: Path) -> Path:
    (tmp_path / "store").mkdir()
    return Path(shutil.copy(sqlite_template, tmp_path / "store" / "voices.db"))


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """For this process alone: to root, who runs some tests, the system lets everything be written."""
    monkeypatch.setattr(SqliteFile, "writable", False)


@contextmanager
def opened(store: Path | str) -> Iterator[Database]:
    database = open_database(store, create=False)
    try:
        yield database
    finally:
        database.close()


def names(database: Database) -> list[str]:
    with database.read() as db:
        return [row.name for row in db.scalars(select(GalleryRow).order_by(GalleryRow.name))]


@contextmanager
def held(store: Path, how: str) -> Iterator[sqlite3.Connection]:
    """Another program on the same file, with what it began still open."""
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute(how)
        yield other


@pytest.mark.usefixtures("read_only")
def test_a_store_that_cannot_be_written_is_read_and_nothing_is_put_beside_it(store: Path) -> None:
    before = store.read_bytes()
    with opened(store) as database:
        assert upgrade(database) == head()
        assert names(database) == []
        assert os.listdir(store.parent) == ["voices.db"]
    assert store.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are made with unshare")
def test_a_store_on_a_read_only_mount_is_read(store: Path) -> None:
    mount = f'mount --bind "{store.parent}" "{store.parent}" && mount -o remount,ro,bind "{store.parent}"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody make a read-only mount")
    read = [sys.executable, "-c", READ, str(store)]
    assert subprocess.run([*inside, *read], timeout=300, check=False).returncode == 0
    assert subprocess.run([*inside, "touch", str(store)], capture_output=True, check=False).returncode != 0


@pytest.mark.usefixtures("read_only")
def test_what_is_only_in_the_log_is_read_too(store: Path) -> None:
    with held(store, "PRAGMA journal_mode=WAL") as other:
        other.execute("INSERT INTO galleries SELECT * FROM galleries WHERE 0")
        add_by_hand(other, "logged")
        with opened(store) as database:
            assert names(database) == ["logged"]
            add_by_hand(other, "later")
            assert names(database) == ["later", "logged"]


@pytest.mark.usefixtures("read_only")
def test_what_others_write_after_the_opening_is_read(store: Path) -> None:
    """The first time nobody has the store open, and it is read as a file that does not change."""
    with opened(store) as database:
        assert names(database) == []
        with held(store, "PRAGMA journal_mode=WAL") as other:
            add_by_hand(other, "later")
            assert names(database) == ["later"]


@pytest.mark.usefixtures("read_only")
def test_writing_where_it_cannot_be_is_refused_by_name(store: Path) -> None:
    with opened(store) as database:
        with pytest.raises(StoreReadOnly, match="can only be read here"):
            add_gallery(database)
        assert database.unwritable() is not None
        assert not database.scrub()


def test_an_old_store_that_cannot_be_written_says_where_to_upgrade_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(store, "UPDATE alembic_version SET version_num = '0008'"), opened(store) as database:
        monkeypatch.setattr(SqliteFile, "writable", False)
        with pytest.raises(
            StoreReadOnly, match=r"older version \(0008 of .*'speakerid db upgrade' where it can be writ"
        ):
            upgrade(database)


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_reading_does_not_wait_for_who_writes(
    store: Path, lock: str, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored store has a rollback journal until its first write: there an exclusive lock keeps all others out."""
    if (lock, journal) == ("BEGIN EXCLUSIVE", "DELETE"):
        pytest.skip("SQLite does not allow it")
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
    monkeypatch.setattr(opening, "READ_TIMEOUT_MS", 0)  # who had to wait for the lock would be refused
    monkeypatch.setattr(opening, "WRITE_TIMEOUT_MS", 0)
    with held(store, lock), opened(store) as database:
        assert upgrade(database) == head()
        assert names(database) == []


def test_a_lock_that_is_held_too_long_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "WRITE_TIMEOUT_MS", 50)
    with opened(store) as database:
        add_gallery(database)
        with held(store, "BEGIN IMMEDIATE"), pytest.raises(StoreBusy, match="Try again in 5 s"):
            add_gallery(database, "other")
        assert database.trouble is None  # it passes: readiness must not wait for it
        add_gallery(database, "another")


def test_a_lock_that_keeps_even_readers_out_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "READ_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with held(store, "BEGIN EXCLUSIVE"), opened(store) as database, pytest.raises(StoreBusy):
        names(database)


def test_a_file_that_was_removed_takes_nothing_more_until_it_is_put_back(store: Path, tmp_path: Path) -> None:
    with opened(store) as database:
        add_gallery(database)
        store.rename(tmp_path / "aside.db")
        for attempt in (lambda: add_gallery(database, "lost"), lambda: names(database)):
            with pytest.raises(StoreReplaced):
                attempt()
        assert not store.exists()
        (tmp_path / "aside.db").rename(store)
        assert names(database) == ["team"]


def test_a_file_that_was_replaced_gets_nothing_that_is_meant_for_the_old_one(
    store: Path, tmp_path: Path, sqlite_template: Path
) -> None:
    with opened(store) as database:
        add_gallery(database)
        os.replace(shutil.copy(sqlite_template, tmp_path / "new.db"), store)
        with pytest.raises(StoreReplaced):
            add_gallery(database, "lost")
    with opened(tmp_path / "store" / "voices.db") as database:
        assert "lost" not in names(database)


def test_a_write_whose_file_goes_before_its_commit_is_not_acknowledged(store: Path) -> None:
    def write() -> None:
        with database.write() as db:
            db.add(gallery_row())
            db.flush()
            store.unlink()

    with opened(store) as database:
        with pytest.raises(StoreReplaced):
            write()
        assert not store.exists()


def test_the_store_stays_the_same_when_the_process_goes_elsewhere(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.parent)
    with opened("voices.db") as database:
        monkeypatch.chdir(tmp_path)
        add_gallery(database)
        assert names(database) == ["team"]
    assert not (tmp_path / "voices.db").exists()


def test_a_missing_store_is_made_only_where_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with pytest.raises(StoreMissing, match=f"There is no store {path}"):
        open_database(path, create=False)
    assert not path.exists()
    open_database(path).close()
    with pytest.raises(StoreMissing, match="is empty"):
        open_database(path, create=False)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"x")
    with pytest.raises(StoreMissing, match="is empty"):
        open_database(path, create=False)


def test_a_new_store_goes_where_its_link_leads(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "disk.db")
    database = open_database(tmp_path / "link.db")
    upgrade(database)
    database.close()
    assert (tmp_path / "disk.db").is_file()
    with opened(tmp_path / "link.db") as again:
        assert names(again) == []


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "a#b.db", "äö.db", "%41.db", "file:x.db"])
def test_any_name_may_be_a_stores(tmp_path: Path, name: str) -> None:
    database = open_database(tmp_path / name)
    upgrade(database)
    database.close()
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"Dear Ada, this is a letter. " * 100, "It is no store, but another kind of file"),
        (b"RIFF\x24\x80\x00\x00WAVEfmt " * 100, "It is no store, but another kind of file"),
    ],
)
def test_another_kind_of_file_is_said_to_be_one(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "voices.db"
    path.write_bytes(content)
    with opened(path) as database, pytest.raises(StoreUnavailable, match=sentence):
        upgrade(database)
    assert path.read_bytes() == content


def test_half_a_store_is_said_to_be_damaged(store: Path) -> None:
    store.write_bytes(store.read_bytes()[:20_000])
    with opened(store) as database, pytest.raises(StoreUnavailable, match="restore a backup"):
        upgrade(database)


def test_what_a_damaged_row_holds_is_in_no_message(store: Path) -> None:
    with opened(store) as database:
        add_gallery(database)
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE galleries SET name = CAST(x'416461ff' AS TEXT)")
    with (
        opened(store) as database,
        pytest.raises(StoreUnavailable, match=r"not UTF-8.*restore a backup") as raised,
        database.read() as db,
    ):
        db.scalars(select(GalleryRow)).all()
    assert "Ada" not in "".join(format_exception(raised.value))


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cookies.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cookies (name)")
    before = path.read_bytes()
    with opened(path) as database, pytest.raises(StoreSchemaUnknown, match="another program"):
        upgrade(database)
    assert path.read_bytes() == before


@pytest.mark.parametrize("store", ["", ":memory:", "sqlite://", "~nobody-has-this-name/voices.db", "https://host/v.db"])
def test_what_cannot_be_a_store_is_refused_with_a_sentence(store: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"\. "):
        open_database(store)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    for create in (True, False):
        with pytest.raises(StoreError, match="is a folder"):
            open_database(tmp_path, create=create)


def test_a_log_that_cannot_be_read_without_writing_is_named(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(store, "PRAGMA journal_mode=WAL") as other:
        add_by_hand(other, "logged")
        shutil.copytree(store.parent, tmp_path / "copy")
    monkeypatch.setattr(SqliteFile, "writable", False)
    found = failure(tmp_path / "copy" / "voices.db", sqlite3.OperationalError("unable to open database file"))
    assert "Its newest changes are in voices.db-wal beside it" in str(found)


def add_by_hand(connection: sqlite3.Connection, name: str) -> None:
    """As another process does."""
    columns = (
        "name, encoder_name, encoder_fingerprint, target_fpir, min_speech_s, enroll_speech_s, keep_audio, combining"
    )
    values = (name, "fake", "0" * 64, 0.01, 1.0, 10.0, 0, "mean", 0, 1, "2026-01-01 00:00:00")
    places = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO galleries ({columns}, keep_unknown_voices, version, created_at) VALUES ({places})", values
    )


def test_statements_of_tests_fit_the_schema(store: Path) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        add_by_hand(connection, "team")
    with opened(store) as database, database.read() as db:
        assert db.execute(text("SELECT count(*) FROM galleries")).scalar_one() == 1
