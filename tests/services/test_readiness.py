"""Readiness tells of a store that can be read and not written to, and of erasures that are not finished."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, text

from speakerid.db.erasure import BRIEFLY
from speakerid.db.models import SpeakerRow
from speakerid.errors import StoreUnavailable
from speakerid.services.engine import Engine
from speakerid.services.readiness import readiness

pytestmark = pytest.mark.parametrize("store_kind", ["sqlite"])


def fill_up(engine: Engine) -> None:
    """No page more: what SQLite says then is what it says on a full disk."""
    pool = [engine.database.engine.connect() for _ in range(4)]
    for one in pool:
        one.exec_driver_sql("PRAGMA max_page_count=1")
        one.close()


def write_much(engine: Engine) -> None:
    with engine.write() as db:
        db.execute(
            text(
                "INSERT INTO keys (id, name, secret_sha256, scopes, galleries, created_at) VALUES "
                "('key_1', hex(zeroblob(500000)), 'x', '[]', '[]', '2026-01-31 00:00:00')"
            )
        )


def test_a_full_disk_is_told_until_something_can_be_written_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert readiness(engine).ready
    fill_up(engine)
    with pytest.raises(StoreUnavailable, match="full"):
        write_much(engine)
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    found = readiness(engine)
    assert (found.ready, found.database) == (False, "read_only")
    assert found.reason is not None
    assert "disk may be full" in found.reason
    monkeypatch.undo()
    assert readiness(engine).ready


def _refusing(_database: object) -> None:
    raise StoreUnavailable("database or disk is full")


def test_a_nearly_full_disk_alone_is_tried_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=65_536, f_frsize=512))
    assert readiness(engine).ready
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    assert readiness(engine).database == "read_only"


def test_a_full_disk_is_told_although_a_small_write_still_finds_a_place(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=512))
    assert readiness(engine).database == "read_only"


def test_asking_writes_nothing_while_all_is_well(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    assert readiness(engine).ready


def test_erasures_that_a_reader_delays_are_counted(engine: Engine) -> None:
    hurried = replace(engine, effort=BRIEFLY)
    with engine.read() as reader:
        reader.scalar(select(func.count(SpeakerRow.key)))
        with hurried.write(erase=True) as db:
            db.execute(text("UPDATE galleries SET version = version + 1"))
        assert readiness(engine).erasures_pending == 1
    assert engine.database.scrub()
    assert readiness(engine).erasures_pending == 0
