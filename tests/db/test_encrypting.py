"""A plain store becomes an encrypted one, whatever happens in between, and gets another master key."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text, update

from speakerid.db import encrypting
from speakerid.db.cipher import KEY_BYTES, MasterKey
from speakerid.db.engine import Database, open_database
from speakerid.db.models import RecordingPieceRow, RecordingRow, SpeakerRow
from speakerid.db.repositories import galleries, speakers, voiceprints
from speakerid.db.repositories.speakers import SpeakerFilter
from speakerid.db.sealing import DamagedText
from speakerid.db.types import is_damaged, new_id
from speakerid.db.unlock import unlock
from speakerid.errors import (
    DataDamaged,
    EncryptionChanged,
    EncryptionUnfinished,
    MasterKeyMissing,
    MasterKeyWrong,
    NotSealed,
    StoreNotEncrypted,
)
from tests.db.rows import add_gallery, add_speaker, unit

MASTER = MasterKey(os.urandom(KEY_BYTES))
OTHER = MasterKey(os.urandom(KEY_BYTES))
NAMES = [f"Somebody {number:04}" for number in range(30)]
SECRET = b"the sound of a voice" * 10


class Killed(Exception):
    pass


@pytest.fixture
def plain(store_url: str) -> Iterator[Database]:
    opened = open_database(store_url)
    gallery_key = add_gallery(opened)
    with opened.write() as db:
        for seed, name in enumerate(NAMES):
            add_speaker(db, gallery_key, seed, name).external_id = f"hr-{seed}"
        row = RecordingRow(id=new_id("rec"), gallery_key=gallery_key, state="done", options={}, answer={"words": "hi"})
        db.add(row)
        db.flush()
        db.add(RecordingPieceRow(recording_key=row.key, nth=0, bytes=SECRET))
    unlock(opened, None)
    yield opened
    opened.close()


def opened(store_url: str, master: MasterKey | None = MASTER) -> Database:
    database = open_database(store_url, create=False)
    try:
        unlock(database, master)
    except Exception:
        database.close()
        raise
    return database


def people(database: Database) -> list[tuple[str, str | None]]:
    with database.read() as db:
        return [(row.name, row.external_id) for row in db.scalars(select(SpeakerRow).order_by(SpeakerRow.key))]


EVERYBODY = [(name, f"hr-{seed}") for seed, name in enumerate(NAMES)]


def encrypted(store_url: str) -> Database:
    with closing(open_database(store_url)) as database:
        assert encrypting.encrypt(database, MASTER)
        assert database.scrub()
    return opened(store_url)


def test_an_encrypted_store_has_what_the_plain_one_had(plain: Database, store_url: str) -> None:
    database = encrypted(store_url)
    assert people(database) == EVERYBODY
    with database.read() as db:
        gallery_key = galleries.every(db)[0].key
        for only in (SpeakerFilter(name="SOMEBODY 0003"), SpeakerFilter(external_id="hr-3")):
            assert [one.name for one in speakers.find(db, gallery_key, only)] == ["Somebody 0003"]
        assert speakers.find(db, gallery_key, SpeakerFilter(external_id="hr-300")) == []
        assert all(
            np.array_equal(row.voiceprint if row.voiceprint is not None else (), unit(seed))
            for seed, row in enumerate(speakers.every(db, gallery_key))
        )
        assert db.scalars(select(RecordingPieceRow.bytes)).one() == SECRET
    database.close()


def test_a_run_that_was_killed_goes_on_where_it_was(
    plain: Database, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encrypting, "AT_ONCE", 7)
    steps = list[str]()

    def kill(table: str, rows: int) -> None:
        steps.append(table)
        raise Killed

    for _ in range(3):
        with closing(open_database(store_url)) as database, pytest.raises(Killed):
            encrypting.encrypt(database, MASTER, kill)
        with pytest.raises(EncryptionUnfinished):
            opened(store_url)
    with closing(open_database(store_url)) as database, pytest.raises(MasterKeyWrong):
        encrypting.encrypt(database, OTHER)
    with closing(encrypted(store_url)) as database:
        assert people(database) == EVERYBODY
        assert steps == ["recording_pieces", "recordings", "speakers"]


def test_files_of_audio_are_sealed_one_after_the_other(
    plain: Database, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with plain.write() as db:
        db.add_all(RecordingPieceRow(recording_key=1, nth=nth, bytes=bytes(1000)) for nth in range(1, 5))
    monkeypatch.setattr(encrypting, "AT_ONCE_BYTES", 1_500)
    steps = list[tuple[str, int]]()
    with closing(open_database(store_url)) as database:
        encrypting.encrypt(database, MASTER, lambda table, rows: steps.append((table, rows)))
    assert [rows for table, rows in steps if table == "recording_pieces"] == [3, 2]


def test_two_runs_at_once_seal_nothing_twice(plain: Database, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypting, "AT_ONCE", 7)
    others = list[str]()

    def kill(table: str, rows: int) -> None:
        others.append(table)
        raise Killed

    def another_does_the_next_step(table: str, rows: int) -> None:
        with closing(open_database(store_url)) as second, suppress(Killed):
            encrypting.encrypt(second, MASTER, kill)

    with closing(open_database(store_url)) as database, pytest.raises(EncryptionChanged):
        encrypting.encrypt(database, MASTER, another_does_the_next_step)  # the other does the last step, too
    with closing(opened(store_url)) as database, database.read() as db:
        assert people(database) == EVERYBODY
        assert db.scalars(select(RecordingPieceRow.bytes)).one() == SECRET
    assert others.count("speakers") >= 2


def test_what_others_write_at_the_moment_is_sealed_too(plain: Database, store_url: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        with plain.write() as db:
            gallery_key = galleries.every(db)[0].key
            add_speaker(db, gallery_key, 77, "Late Comer")
            run = threads.submit(encrypted, store_url)
            with pytest.raises(TimeoutError):
                run.result(0.2)
        database = run.result(20.0)
    assert people(database) == [*EVERYBODY, ("Late Comer", None)]
    database.close()


def test_a_store_that_is_encrypted_stays_as_it_is(plain: Database, store_url: str) -> None:
    encrypted(store_url).close()
    with closing(open_database(store_url)) as database:
        assert not encrypting.encrypt(database, MASTER)


def test_who_had_the_plain_store_open_neither_reads_nor_writes_it_any_more(plain: Database, store_url: str) -> None:
    encrypted(store_url).close()
    with pytest.raises(EncryptionChanged):
        people(plain)
    with pytest.raises(EncryptionChanged):
        add_gallery(plain, "second")


def test_a_key_is_needed_and_it_has_to_be_the_right_one(plain: Database, store_url: str) -> None:
    with pytest.raises(StoreNotEncrypted):
        opened(store_url)
    encrypted(store_url).close()
    with pytest.raises(MasterKeyMissing):
        opened(store_url, None)
    with pytest.raises(MasterKeyWrong):
        opened(store_url, OTHER)


def test_the_former_master_key_opens_nothing(plain: Database, store_url: str) -> None:
    with closing(encrypted(store_url)) as database:
        add_gallery(database, "second")
        assert encrypting.rotate(database, OTHER) == 2
        with pytest.raises(EncryptionChanged):
            add_gallery(database, "third")
        assert people(database) == EVERYBODY  # who has it open goes on
    with pytest.raises(MasterKeyWrong):
        opened(store_url)
    with closing(opened(store_url, OTHER)) as database:
        assert people(database) == EVERYBODY


def test_a_new_store_is_encrypted_from_the_start(store_url: str) -> None:
    with closing(opened(store_url)) as database:
        key = add_gallery(database)
        with database.write() as db:
            add_speaker(db, key, 1, "Ada")
            named = db.execute(text("SELECT name FROM speakers")).scalar_one()
    assert "Ada" not in named
    with pytest.raises(MasterKeyMissing):
        opened(store_url, None)


@pytest.mark.parametrize("column", ["name", "voiceprint", "external_id_sealed"])
def test_a_value_of_another_row_is_refused(plain: Database, store_url: str, column: str) -> None:
    with closing(encrypted(store_url)) as database:
        with database.write() as db:
            first, second = db.execute(text(f"SELECT key, {column} FROM speakers ORDER BY key LIMIT 2")).all()
            for key, value in ((first[0], second[1]), (second[0], first[1])):
                db.execute(
                    text(f"UPDATE speakers SET {column} = :value WHERE key = :key"), {"key": key, "value": value}
                )
        with database.read() as db:
            gallery_key = galleries.every(db)[0].key
            rows = speakers.every(db, gallery_key)
            if column == "voiceprint":
                assert [len(row.voiceprint) for row in rows if row.voiceprint is not None][:3] == [0, 0, len(unit(1))]
            else:
                assert [voiceprints.is_unreadable(row) for row in rows][:3] == [True, True, False]
                assert voiceprints.unopened(db, gallery_key) == {row.key for row in rows[:2]}
        assert len(people(database)) == len(NAMES)


def test_the_key_of_another_gallery_seals_nothing(plain: Database, store_url: str) -> None:
    with closing(encrypted(store_url)) as database:
        key = add_gallery(database, "second")
        with database.write() as db:
            own = "SELECT wrapped FROM gallery_keys WHERE gallery_key <> :key"
            db.execute(text(f"UPDATE gallery_keys SET wrapped = ({own}) WHERE gallery_key = :key"), {"key": key})
        with pytest.raises(DataDamaged), database.write() as db:
            add_speaker(db, key, 5, "Eve")


def test_a_damaged_name_says_so_and_all_others_are_there(plain: Database, store_url: str) -> None:
    with closing(encrypted(store_url)) as database:
        with database.write() as db:
            db.execute(text("UPDATE speakers SET name = 'Eve' WHERE key = (SELECT min(key) FROM speakers)"))
        found = people(database)
    assert isinstance(found[0][0], DamagedText)
    assert is_damaged(found[0][0])
    assert found[1:] == EVERYBODY[1:]


def test_a_text_that_is_no_utf_8_stops_no_query(plain: Database, store_url: str, folder: Path) -> None:
    with closing(encrypted(store_url)) as database:
        with database.write() as db:
            db.execute(text("UPDATE speakers SET name = CAST(x'ff41' AS TEXT), metadata = x'fe' WHERE key = 1"))
        found = people(database)
    assert (is_damaged(found[0][0]), found[1:]) == (True, EVERYBODY[1:])


def test_what_was_damaged_before_is_so_afterwards(plain: Database, store_url: str, folder: Path) -> None:
    with plain.write() as db:
        db.execute(text("UPDATE speakers SET name_key = x'ff41', metadata = '{', voiceprint = x'00' WHERE key = 1"))
    with closing(encrypted(store_url)) as database, database.read() as db:
        first, *others = speakers.every(db, galleries.every(db)[0].key)
        assert (is_damaged(first.details), first.voiceprint is not None and first.voiceprint.size) == (True, 0)
        assert [voiceprints.is_unreadable(one) for one in others] == [False] * 29


def test_what_is_not_bound_to_its_row_is_not_written(plain: Database, store_url: str) -> None:
    with closing(encrypted(store_url)) as database:
        with pytest.raises(Exception, match="not encrypted") as refused, database.write() as db:
            db.execute(update(SpeakerRow).where(SpeakerRow.id != "").values(name="Eve"))
        causes = (refused.value, refused.value.__cause__, getattr(refused.value, "orig", None))
        assert any(isinstance(one, NotSealed) for one in causes)
        assert people(database) == EVERYBODY


def test_an_erased_gallery_has_no_key(plain: Database, store_url: str) -> None:
    with closing(encrypted(store_url)) as database, database.write() as db:
        db.delete(galleries.every(db)[0])
        db.flush()
        assert db.execute(text("SELECT count(*) FROM gallery_keys")).scalar_one() == 0


@pytest.fixture
def folder(store_url: str) -> Path:
    if "://" in store_url:
        pytest.skip("PostgreSQL keeps its files itself")
    return Path(store_url).parent


def test_no_byte_of_a_plain_store_is_left_in_its_files(plain: Database, store_url: str, folder: Path) -> None:
    plain.close()
    before = b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())
    assert NAMES[3].encode() in before
    assert SECRET in before
    encrypted(store_url).close()
    with closing(sqlite3.connect(store_url)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    after = b"".join(one.read_bytes() for one in folder.iterdir() if one.is_file())
    gone = [one for name in NAMES for one in (name.encode(), name.casefold().encode())] + [
        SECRET[:40],
        b"hr-2",
        unit(3).tobytes()[:32],
    ]
    assert [one for one in gone if one in after] == []
