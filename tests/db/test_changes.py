"""The change log: nothing that was committed is ever skipped, or waits for what others do."""

from __future__ import annotations

from contextlib import suppress

import pytest

from speakerid.db.engine import Database
from speakerid.db.models import IndexChangeRow
from speakerid.db.repositories import changes
from speakerid.db.repositories.changes import BEGINNING, Position
from tests.db.rows import add_gallery, add_speaker


def _read(database: Database, gallery_key: int, start: Position = BEGINNING) -> tuple[set[int], Position]:
    """What a follower finds behind `start`, and where it goes on next time."""
    with database.read() as db:
        position = changes.position(db)
        assert changes.any_since(db, gallery_key, start) == (changes.count_since(db, gallery_key, start) > 0)
        return changes.since(db, gallery_key, start), position


def test_what_was_committed_is_found_once(database: Database) -> None:
    gallery_key = add_gallery(database)
    with database.write() as db:
        ada = add_speaker(db, gallery_key, 1).key
    found, position = _read(database, gallery_key)
    assert found == {ada}
    with database.write() as db:
        ben = add_speaker(db, gallery_key, 2).key
    found, position = _read(database, gallery_key, position)
    assert found == {ben}
    assert _read(database, gallery_key, position)[0] == set()


def test_what_was_rolled_back_is_never_found(database: Database) -> None:
    gallery_key = add_gallery(database)
    with suppress(ZeroDivisionError), database.write() as db:
        add_speaker(db, gallery_key)
        raise ZeroDivisionError
    assert _read(database, gallery_key)[0] == set()


def test_the_log_of_one_gallery_does_not_show_another(database: Database) -> None:
    here, there = add_gallery(database, "here"), add_gallery(database, "there")
    with database.write() as db:
        add_speaker(db, there)
    assert _read(database, here)[0] == set()


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_a_longer_running_older_transaction_is_not_lost_and_keeps_no_other_back(database: Database) -> None:
    """Sequence order is not commit order: the older id is committed last."""
    gallery_key = add_gallery(database)
    with database.write() as slow:
        older = add_speaker(slow, gallery_key, 1).key
        with database.write() as quick:
            younger = add_speaker(quick, gallery_key, 2).key
        first, position = _read(database, gallery_key)
        again, position = _read(database, gallery_key, position)
        with database.write() as quick:
            youngest = add_speaker(quick, gallery_key, 3).key
        second, position = _read(database, gallery_key, position)
    assert older < younger
    assert (first, again, second) == ({younger}, set(), {youngest})
    third, position = _read(database, gallery_key, position)
    assert third == {older}
    assert _read(database, gallery_key, position)[0] == set()


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_a_log_that_was_restored_from_another_server_is_not_read_again_and_again(database: Database) -> None:
    """Its transaction ids lie in the future of this one."""
    gallery_key = add_gallery(database)
    with database.write() as db:
        ada = add_speaker(db, gallery_key).key
        db.add(IndexChangeRow(gallery_key=gallery_key, speaker_key=ada + 1, txid=2**40))
    found, position = _read(database, gallery_key)
    assert found == {ada}
    assert _read(database, gallery_key, position)[0] == set()


def test_the_galleries_with_changes_are_named_in_one_look(database: Database) -> None:
    here, there, quiet = (add_gallery(database, name) for name in ("here", "there", "quiet"))
    with database.read() as db:
        position = changes.position(db)
    with database.write() as db:
        add_speaker(db, here, 1)
        add_speaker(db, there, 2)
    with database.read() as db:
        assert changes.galleries_since(db, {here, quiet}, position) == {here}


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_the_position_is_that_of_the_whole_transaction(database: Database) -> None:
    """A savepoint has a transaction id of its own, which must not count."""
    gallery_key = add_gallery(database)
    with database.write() as slow:
        with slow.begin_nested():
            first = add_speaker(slow, gallery_key, 1).key
        _, position = _read(database, gallery_key)
        with slow.begin_nested():
            second = add_speaker(slow, gallery_key, 2).key
    assert _read(database, gallery_key, position)[0] == {first, second}


def test_touched_lists_what_this_transaction_recorded(database: Database) -> None:
    gallery_key = add_gallery(database)
    with database.write() as db:
        assert changes.touched(db) == {}
        ada = add_speaker(db, gallery_key).key
        assert changes.touched(db) == {gallery_key: {ada}}
