"""Indexes and their snapshots while others commit: what need not be looked at is left alone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from speakerid.db.engine import Database, Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import changes, galleries
from speakerid.db.repositories import speakers as rows
from speakerid.index import snapshot
from speakerid.services import galleries as gallery_verbs
from speakerid.services.engine import Engine
from speakerid.services.snapshots import Snapshots
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.services.enrolled import add_gallery, add_speaker, erase_speaker, made_up
from tests.services.snapshotted import PEOPLE, add, enroll, file_of, key_of, nearest, opened, stored, written
from tests.waiting import until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def filled(open_engine: EngineMaker, store_url: str, folder: Path) -> Engine:
    return written(open_engine, store_url, folder)


def test_whoever_enrolls_leaves_the_file_alone(filled: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has nothing of them, and to find that out again each time would keep searches waiting."""
    newest, looked = snapshot.newest_key, list[Path]()

    def noted(path: Path) -> int:
        looked.append(path)
        return newest(path)

    monkeypatch.setattr(snapshot, "newest_key", noted)
    monkeypatch.setattr(snapshot, "blank", lambda *_, **__: pytest.fail("it was opened to be changed"))
    for nth in range(PEOPLE, PEOPLE + 3):
        enroll(filled, nth)
        assert nearest(filled, nth) > 0
    assert looked == [file_of(filled, folder)]


def erase_one(engine: Engine) -> None:
    with engine.read() as db:
        who = rows.every(db, galleries.get(db, "default").key)[7].id
    erase_speaker(engine, who)


def erase_all(engine: Engine) -> None:
    with engine.write(erase=True) as db:
        db.delete(galleries.get(db, "default"))
        changes.record_erased_gallery(db, 1)


@pytest.mark.parametrize(("erase", "left"), [(erase_one, PEOPLE - 1), (erase_all, None)])
def test_what_is_erased_while_the_first_file_is_put_in_its_place_is_not_in_it(
    open_engine: EngineMaker,
    store_url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    erase: Callable[[Engine], None],
    left: int | None,
) -> None:
    engine = opened(open_engine, store_url, folder)
    with engine.write() as db:
        for nth in range(PEOPLE):
            add(db, "default", nth)
    place, compared, erasing = folder / "gallery-1.snapshot", Snapshots._bring_up_to_date, list[threading.Thread]()

    def compared_then_erased(self: Snapshots, db: Handle, gallery_key: int, path: Path) -> None:
        compared(self, db, gallery_key, path)
        if not erasing:
            thread = threading.Thread(target=erase, args=(engine,))
            thread.start()
            erasing.append(thread)
            thread.join(0.5)  # it has to wait for the file; if it does not, it is through by then

    monkeypatch.setattr(Snapshots, "_bring_up_to_date", compared_then_erased)
    engine.indexes.load_all()
    until(lambda: bool(erasing))
    erasing[0].join()
    engine.indexes.close()
    found = int((snapshot.read(place)[1].stored.scales > 0).sum()) if place.exists() else None
    assert found == left


def test_a_gallery_that_came_in_is_loaded_behind_and_leaves_a_snapshot(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path
) -> None:
    file_of(filled, folder).unlink()
    again = opened(open_engine, store_url, folder)
    again.indexes.load_soon(key_of(again))
    again.indexes.close()
    assert again.indexes.loaded() == {key_of(again)}
    assert len(stored(again, folder)) == PEOPLE


def test_a_gallery_that_has_another_encoder_now_leaves_memory_and_keeps_its_file(filled: Engine, folder: Path) -> None:
    """The file is the other encoder's by then."""
    with filled.write() as db:
        galleries.get(db, "default").encoder_fingerprint = "e" * 64
    filled.indexes.lag()
    assert filled.indexes.loaded() == set()
    assert file_of(filled, folder).exists()


def test_a_search_after_a_commit_that_changed_no_voiceprint_opens_no_transaction(
    open_engine: EngineMaker, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(str(shutil.copy(sqlite_template, tmp_path / "quiet.db")))
    add_speaker(engine, "Ada", made_up(unit(1)))
    key = gallery_verbs.get(engine, "default").key
    in_memory(engine).catch_up(key)
    with engine.write() as db:
        db.execute(text("UPDATE galleries SET version = version + 1"))
    monkeypatch.setattr(Database, "read", lambda _: pytest.fail("the store was read"))
    assert len(engine.indexes.search(key, unit(1), 1).keys) == 1


def test_a_gallery_that_is_made_while_others_are_looked_for_stays_in_memory(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = in_memory(filled)
    looked = sync._own

    def made_meanwhile() -> dict[int, bool]:
        found = looked()
        add_gallery(filled, "new")
        add_speaker(filled, "Ada", made_up(unit(1)), gallery="new")
        sync.catch_up(key_of(filled, "new"))
        return found

    monkeypatch.setattr(sync, "_own", made_meanwhile)
    sync.leave()
    assert key_of(filled, "new") in sync.loaded()


def test_a_look_at_what_changed_elsewhere_reads_no_gallerys_calibration(filled: Engine) -> None:
    """It comes twice a second in each process, and encoder by encoder."""
    filled.indexes.follow()  # the first look compares the files
    read = list[object]()
    event.listen(GalleryRow, "load", note := lambda row, _: read.append(row))
    try:
        filled.indexes.follow()
        assert read == []
        key_of(filled)
        assert len(read) == 1
    finally:
        event.remove(GalleryRow, "load", note)


def move(engine: Engine) -> None:
    """To an encoder that nobody here has."""
    with engine.write() as db:
        gallery = galleries.get(db, "default")
        gallery.encoder_fingerprint = "e" * 64
        for row in rows.every(db, gallery.key):
            row.voiceprint = unit(PEOPLE + row.key)
            changes.record(db, gallery.key, row.key)


@pytest.mark.parametrize(("change", "left"), [(erase_one, PEOPLE - 1), (erase_all, None), (move, None)])
def test_what_is_erased_elsewhere_leaves_the_file_of_a_gallery_that_is_not_in_memory(
    filled: Engine,
    open_engine: EngineMaker,
    store_url: str,
    folder: Path,
    change: Callable[[Engine], None],
    left: int | None,
) -> None:
    place, here = file_of(filled, folder), opened(open_engine, store_url, folder)
    elsewhere = opened(open_engine, store_url, None)  # another machine's process has other files
    here.indexes.follow()
    change(elsewhere)
    assert len(stored_at(place)) == PEOPLE
    here.indexes.follow()
    assert (len(stored_at(place)) if place.exists() else None) == left
    assert here.indexes.loaded() == set()


def stored_at(place: Path) -> list[int]:
    """Whom the file has something of."""
    found = snapshot.read(place)[1].stored
    keys: list[int] = found.keys[found.scales > 0].tolist()
    return keys


def test_a_snapshot_is_of_the_encoder_of_its_index_though_the_gallery_moves_while_that_is_built(
    filled: Engine, open_engine: EngineMaker, store_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(filled, folder).unlink()
    standing = changes.standing
    monkeypatch.setattr(changes, "standing", lambda db, key: (standing(db, key)[0], "e" * 64))  # before it moved
    again = opened(open_engine, store_url, folder)
    again.indexes.load_all()
    again.indexes.close()
    assert snapshot.origin_of(file_of(again, folder)).encoder == "e" * 64
