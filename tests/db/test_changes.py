"""The change log: nothing that was committed is ever skipped by somebody who reads it up to the horizon."""

from __future__ import annotations

from contextlib import suppress

import pytest

from speakerid.db.engine import Database
from speakerid.db.repositories import changes
from tests.db.rows import add_gallery, add_speaker


def _read(database: Database, gallery_key: int, start: int) -> tuple[set[int], int]:
    """What a follower finds behind `start`, and where it goes on next time."""
    with database.read() as db:
        stop = changes.horizon(db)
        return changes.between(db, gallery_key, start, stop), stop


def test_what_was_committed_is_found_once(database: Database) -> None:
    gallery_key = add_gallery(database)
    with database.write() as db:
        ada = add_speaker(db, gallery_key, 1).key
    found, position = _read(database, gallery_key, 0)
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
    assert _read(database, gallery_key, 0)[0] == set()


def test_the_log_of_one_gallery_does_not_show_another(database: Database) -> None:
    here, there = add_gallery(database, "here"), add_gallery(database, "there")
    with database.write() as db:
        add_speaker(db, there)
    assert _read(database, here, 0)[0] == set()


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_a_longer_running_older_transaction_is_not_lost(database: Database) -> None:
    """Sequence order is not commit order: the older id is committed last."""
    gallery_key = add_gallery(database)
    with database.write() as slow:
        older = add_speaker(slow, gallery_key, 1).key
        with database.write() as quick:
            younger = add_speaker(quick, gallery_key, 2).key
        first, position = _read(database, gallery_key, 0)
        with database.read() as db:
            waiting = changes.count_from(db, changes.horizon(db))
    assert older < younger
    assert first == set()  # the younger one is committed, but reading past it would skip the older one for good
    assert waiting == 1
    second, position = _read(database, gallery_key, position)
    assert second == {older, younger}
    assert _read(database, gallery_key, position)[0] == set()


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_the_position_is_that_of_the_whole_transaction(database: Database) -> None:
    """A savepoint has a transaction id of its own, which must not count."""
    gallery_key = add_gallery(database)
    with database.write() as slow:
        with slow.begin_nested():
            first = add_speaker(slow, gallery_key, 1).key
        _, position = _read(database, gallery_key, 0)
        with slow.begin_nested():
            second = add_speaker(slow, gallery_key, 2).key
    assert _read(database, gallery_key, position)[0] == {first, second}


def test_touched_lists_what_this_transaction_recorded(database: Database) -> None:
    gallery_key = add_gallery(database)
    with database.write() as db:
        assert changes.touched(db) == {}
        ada = add_speaker(db, gallery_key).key
        assert changes.touched(db) == {gallery_key: {ada}}
