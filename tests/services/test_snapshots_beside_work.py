"""Indexes and their snapshots while others commit: what need not be looked at is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from speakerid.db.engine import Database
from speakerid.db.repositories import galleries
from speakerid.index import snapshot
from speakerid.services import galleries as gallery_verbs
from speakerid.services.engine import Engine
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.services.enrolled import add_speaker, made_up
from tests.services.snapshotted import PEOPLE, add, enroll, file_of, key_of, nearest, opened, stored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def filled(open_engine: EngineMaker, store_url: str, folder: Path) -> Engine:
    """A store with PEOPLE enrolled, and its snapshot."""
    engine = opened(open_engine, store_url, folder)
    with engine.write() as db:
        for nth in range(PEOPLE):
            add(db, "default", nth)
    engine.indexes.load_all()
    engine.indexes.close()
    return engine


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
