"""Gaps of pages are found and zeroed; nothing that anybody reads changes, whatever else goes on."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from speakerid.db import erasure, gaps
from speakerid.db.erasure import Effort
from speakerid.db.store_file import descriptor
from tests.waiting import until

TABLES = """
CREATE TABLE erasures (id INTEGER PRIMARY KEY AUTOINCREMENT, page INTEGER DEFAULT 0);
CREATE TABLE people (key INTEGER PRIMARY KEY, name TEXT, print BLOB);
CREATE INDEX by_name ON people (name);
CREATE TABLE notes (name TEXT PRIMARY KEY, note BLOB) WITHOUT ROWID;
"""
LONGEST = 500  # marks in a value
MARK = re.compile(rb"<(\d{9}):\d>")  # every value is made of marks of its person


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=300)
    connection.execute("PRAGMA secure_delete=ON")
    return connection


def filled(rng: random.Random, person: int, most: int = 500) -> bytes:
    marks = min(rng.choice((1, 5, 50, most)), LONGEST)
    return b"".join(b"<%09d:%d>" % (person, rng.randrange(10)) for _ in range(marks))


def bring_in(connection: sqlite3.Connection, rng: random.Random, person: int) -> None:
    name = filled(rng, person, 15).decode()
    connection.execute("INSERT INTO people VALUES (?, ?, ?)", (person, name, filled(rng, person)))
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, filled(rng, person, 100)))


def change(connection: sqlite3.Connection, rng: random.Random, person: int) -> None:
    """Rows that grow and shrink are moved from page to page."""
    connection.execute("UPDATE people SET print = ? WHERE key = ?", (filled(rng, person), person))
    (name,) = connection.execute("SELECT name FROM people WHERE key = ?", (person,)).fetchone()
    connection.execute("UPDATE notes SET note = ? WHERE name = ?", (filled(rng, person, 100), name))


def erase(connection: sqlite3.Connection, person: int) -> None:
    connection.execute("DELETE FROM notes WHERE name = (SELECT name FROM people WHERE key = ?)", (person,))
    connection.execute("DELETE FROM people WHERE key = ?", (person,))
    connection.execute("INSERT INTO erasures DEFAULT VALUES")


def everything(path: Path) -> list[str]:
    with closing(opened(path)) as connection:
        return list(connection.iterdump())


def persons_in_files(path: Path) -> set[int]:
    return {int(found) for one in path.parent.glob(f"{path.name}*") for found in MARK.findall(one.read_bytes())}


@pytest.fixture(params=[512, 4096, 65536])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "voices.db"
    with closing(opened(path)) as connection:
        connection.execute(f"PRAGMA page_size={request.param}")
        connection.execute(f"PRAGMA auto_vacuum={2 if request.param == 512 else 0}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(TABLES)
    return path


@pytest.mark.parametrize("seed", range(2))
def test_no_byte_of_the_erased_stays_and_nothing_else_changes(store: Path, seed: int) -> None:
    rng, there = random.Random(seed), set[int]()
    with closing(opened(store)) as connection:
        for person in range(1, 150):
            connection.execute("BEGIN IMMEDIATE")
            bring_in(connection, rng, person)
            there.add(person)
            for other in rng.sample(sorted(there), min(3, len(there))):
                change(connection, rng, other)
            if person % 3 == 0:
                gone = rng.choice(sorted(there))
                erase(connection, gone)
                there.discard(gone)
            connection.execute("COMMIT")
            if person % 25 == 0:
                before = [line for line in connection.iterdump() if "erasures" not in line]
                assert erasure.scrub(store, erasure.FINISH)
                assert [line for line in connection.iterdump() if "erasures" not in line] == before
                assert persons_in_files(store) == there
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_another_program_deleted_is_cleared_too(store: Path) -> None:
    """Without secure_delete all of it stays: in free blocks, behind the pointers, and in whole free pages."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        people = range(1, 301)
        for person in people:
            bring_in(connection, random.Random(person), person)
        gone = {*people[::3], *people[200:]}
        for person in gone:
            erase(connection, person)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = [line for line in connection.iterdump() if "erasures" not in line]
        assert len(persons_in_files(store) & gone) > 100
        assert erasure.scrub(store, erasure.FINISH)
        assert persons_in_files(store) == set(people) - gone
        assert [line for line in connection.iterdump() if "erasures" not in line] == before
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for person in gone:
            bring_in(connection, random.Random(person), person)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_page_that_contradicts_itself_is_left_alone(store: Path) -> None:
    with closing(opened(store)) as connection, connection:
        for person in range(1, 60):
            bring_in(connection, random.Random(person), person)
    rng = random.Random(1)
    data = store.read_bytes()
    layout = gaps.GapLayout.of(data)
    for number in range(1, len(data) // layout.page_bytes + 1):
        page = bytearray(data[(number - 1) * layout.page_bytes : number * layout.page_bytes])
        start = 100 if number == 1 else 0
        for _ in range(50):
            page[start + rng.randrange(8)] = rng.randrange(256)
            for first, end in gaps.dirty(layout, number, bytes(page), {}):
                assert start + 8 <= first < end <= layout.page_bytes


def test_a_file_that_is_no_database_is_refused() -> None:
    with pytest.raises(ValueError, match="no SQLite"):
        gaps.GapLayout.of(b"Dear Ada" * 20)


def test_pointer_maps_are_known_by_their_place() -> None:
    layout = gaps.GapLayout(page_bytes=512, usable_bytes=512, pointer_maps=True)
    assert [number for number in range(1, 320) if layout.is_pointer_map(number)] == [2, 105, 208, 311]


def test_a_store_has_one_descriptor_however_it_is_named(store: Path) -> None:
    (other := store.with_name("link.db")).symlink_to(store)
    assert descriptor(store) == descriptor(other)
    store.with_name("new.db").write_bytes(b"x")
    os.replace(store.with_name("new.db"), store)
    assert os.pread(descriptor(store), 1, 0) == b"x"


def test_a_reader_of_an_old_snapshot_delays_the_scrubbing_and_no_writer(store: Path) -> None:
    with closing(opened(store)) as connection, closing(opened(store)) as reader:
        bring_in(connection, random.Random(1), 1)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        erase(connection, 1)
        assert not erasure.scrub(store, Effort(0.1))
        connection.execute("PRAGMA busy_timeout=0")  # whoever had to wait would be refused
        bring_in(connection, random.Random(2), 2)
        reader.execute("ROLLBACK")
        assert erasure.scrub(store, erasure.FINISH)
    assert persons_in_files(store) == {2}


COMPANY = """
import random, sys, time
from pathlib import Path
from tests.db import test_gaps as t
t.LONGEST = 25  # no overflow pages: without secure_delete SQLite leaves traces there that no version of ours can make
path, seed, ending = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
rng, there, made = random.Random(seed), [], 0
with t.closing(t.opened(path)) as connection:
    connection.execute("PRAGMA secure_delete=OFF")  # all of what is erased is left to the scrubbing
    while not ending.exists():
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(rng.randrange(1, 6)):
            made += 1
            there.append(1_000_000 * seed + made)
            t.bring_in(connection, rng, there[-1])
        for one in rng.sample(there, min(3, len(there))):
            t.change(connection, rng, one)
        if len(there) > 200 or rng.random() < 0.2:
            t.erase(connection, there.pop(rng.randrange(len(there))))
        connection.execute("COMMIT")
        if rng.random() < 0.3:
            connection.execute("SELECT sum(length(print)) FROM people").fetchone()
            time.sleep(rng.random() * 0.02)
print(*there)
"""


ERASED = 500  # people, while the file is scrubbed


def erased(store: Path) -> int:
    """Since there is a store."""
    with closing(opened(store)) as connection:
        return int(connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("store", [4096], indirect=True)
def test_other_processes_write_and_read_meanwhile(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a few pages, so that others get in between: nothing is lost, nothing is left, the file is sound."""
    monkeypatch.setattr(erasure, "STEP_BYTES", 64 * 1024)
    monkeypatch.setattr(erasure._Pass, "step_bytes", 64 * 1024)
    command, ending, scrubbed = [sys.executable, "-c", COMPANY, str(store)], store.with_name("ending"), list[bool]()
    running = [
        subprocess.Popen([*command, str(seed), str(ending)], stdout=subprocess.PIPE, text=True) for seed in (1, 2, 3)
    ]

    def often_enough() -> bool:
        scrubbed.append(erasure.scrub(store, Effort(1.0)))
        time.sleep(0.02)
        return sum(scrubbed) > 3 and erased(store) > ERASED

    until(often_enough)
    ending.touch()
    there = {int(one) for process in running for one in process.communicate(timeout=300)[0].split()}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert erasure.scrub(store, erasure.FINISH)
    assert persons_in_files(store) == there
    with closing(opened(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert {row[0] for row in connection.execute("SELECT key FROM people")} == there
        for name, data in connection.execute("SELECT name, print FROM people"):
            assert {*MARK.findall(name.encode())} == {*MARK.findall(data)}


def test_the_log_of_a_store_behind_a_link_is_looked_at_too(store: Path) -> None:
    (store.parent / "elsewhere").mkdir()
    (link := store.parent / "elsewhere" / "link.db").symlink_to(store)
    with closing(opened(store)) as connection, closing(opened(store)) as reader:
        bring_in(connection, random.Random(1), 1)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        erase(connection, 1)
        assert not erasure.scrub(link, Effort(0.1))
        reader.execute("ROLLBACK")
        assert erasure.scrub(link, erasure.FINISH)
    assert persons_in_files(store) == set()
