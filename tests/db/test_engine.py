"""Transactions: SQLite is set up to keep what it acknowledged, readers and writers do not wait for each other."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from speakerid.db.engine import Database, open_database, store_url
from speakerid.db.migrate import upgrade
from speakerid.db.models import GalleryRow, IndexChangeRow, SpeakerRow
from speakerid.db.repositories import changes
from speakerid.errors import StoreReadOnly, StoreUnavailable
from tests.db.rows import add_gallery, add_speaker, gallery_row

WAL, FULL, ON = "wal", 2, 1


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_sqlite_keeps_what_it_acknowledged_and_forgets_what_it_erased(database: Database) -> None:
    same = {"journal_mode": WAL, "synchronous": FULL, "foreign_keys": ON, "secure_delete": ON}
    for handle, wait_ms in ((database.read, 5_000), (database.write, 30_000), (database.read, 5_000)):
        wanted = same | {"busy_timeout": wait_ms}
        with handle() as db:
            assert {name: db.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted} == wanted


def test_a_write_is_all_or_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as db:
        db.add(gallery_row())
        db.flush()
        raise ZeroDivisionError
    with database.read() as db:
        assert db.scalar(select(func.count(GalleryRow.key))) == 0


def test_a_reader_does_not_block_a_writer_and_sees_nothing_half_written(database: Database) -> None:
    with database.read() as reader:
        assert reader.scalar(select(func.count(GalleryRow.key))) == 0
        with database.write() as writer:
            writer.add(gallery_row())
            writer.flush()
            assert reader.scalar(select(func.count(GalleryRow.key))) == 0
    with database.read() as reader:
        assert reader.scalar(select(func.count(GalleryRow.key))) == 1


def test_many_threads_write_without_losing_anything(database: Database) -> None:
    gallery_key = add_gallery(database)

    def write(number: int) -> None:
        with database.write() as db:
            assert db.scalar(select(func.count(SpeakerRow.key))) is not None  # read first: the classic way to lock up
            add_speaker(db, gallery_key, number)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(write, range(120)))
    with database.read() as db:
        assert db.scalar(select(func.count(SpeakerRow.key))) == 120
        assert db.scalar(select(func.count(IndexChangeRow.id))) == 120


def test_the_keys_of_erased_rows_are_never_given_again(database: Database) -> None:
    old_gallery = add_gallery(database)
    with database.write() as db:
        old_speaker = add_speaker(db, old_gallery).key
    with database.write() as db:
        db.delete(db.scalars(select(GalleryRow)).one())
    new_gallery = add_gallery(database)
    with database.write() as db:
        assert add_speaker(db, new_gallery).key > old_speaker
    assert new_gallery > old_gallery


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_a_plain_copy_of_an_open_store_has_what_was_written_a_second_ago(
    database: Database, store_url: str, tmp_path: Path
) -> None:
    """Of its main file alone: `upgrade` and the scrubber of a server carry the log over."""
    gallery_key = add_gallery(database)
    with database.write() as db:
        add_speaker(db, gallery_key, 1)
    database.checkpoint()
    shutil.copy(store_url, tmp_path / "copy.db")
    copy = open_database(tmp_path / "copy.db")
    with copy.read() as db:
        assert db.scalar(select(func.count(SpeakerRow.key))) == 1
    copy.close()


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_scrubbing_leaves_nothing_of_what_was_committed_before_in_the_log(database: Database, store_url: str) -> None:
    with database.write() as db:
        db.add(gallery_row("ottoline"))
        changes.note_erasure(db)
    log = Path(f"{store_url}-wal")
    assert b"ottoline" in log.read_bytes()
    assert database.scrub()
    assert b"ottoline" not in log.read_bytes()
    with database.read() as db:
        assert changes.erasures_pending(db) == 0


def test_a_file_that_is_no_database_is_named_as_the_problem(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, this is a letter and not a database, however long it gets. " * 20)
    database = open_database(path)
    with pytest.raises(StoreUnavailable):
        upgrade(database)
    database.close()
    assert path.read_text().startswith("Dear Ada")


def test_connections_that_were_opened_while_the_file_was_read_only_do_not_stay(tmp_path: Path) -> None:
    database = open_database(tmp_path / "voices.db")
    upgrade(database)
    with database.engine.connect() as connection:  # stays in the pool, as one of a file without rights does
        connection.connection.cursor().execute("PRAGMA query_only = 1")
    with pytest.raises(StoreReadOnly):
        add_gallery(database)
    add_gallery(database)
    database.close()


def test_a_folder_that_is_not_there_is_named_as_the_problem(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=f"there is no folder {tmp_path}/nowhere"):
        open_database(tmp_path / "nowhere" / "voices.db")


def test_a_server_that_does_not_answer_is_named_as_the_problem() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreUnavailable):
        upgrade(database)
    database.close()


@pytest.mark.parametrize("url", ["mysql://root@host/voices", "http://host/voices", "://nothing"])
def test_other_stores_are_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        open_database(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_way_to_write_a_postgresql_url_means_the_same_driver(scheme: str) -> None:
    assert store_url(f"{scheme}://me@host/voices").drivername == "postgresql+psycopg"


def test_the_password_is_not_shown() -> None:
    database = open_database("postgresql://me:secret@host/voices")
    assert "secret" not in repr(database.engine)
    database.close()
