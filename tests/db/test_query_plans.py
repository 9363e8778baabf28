"""A few speakers are read by their keys, however large the gallery: SQLite would rather go through all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import moving, speakers, utterances, voiceprints
from tests.db.rows import add_gallery

KEYS = [1, 2, 3]
QUERIES: dict[str, Callable[[Handle, int], object]] = {
    "with_voice": lambda db, gallery: voiceprints.with_voice(db, gallery, KEYS),
    "by_keys": lambda db, gallery: speakers.by_keys(db, gallery, KEYS),
    "unreadable": lambda db, gallery: voiceprints.unreadable(db, gallery, KEYS),
    "voiceprints": lambda db, gallery: voiceprints.between(db, gallery, keys=KEYS),
    "recognizable": lambda db, gallery: voiceprints.recognizable(db, gallery, KEYS),
    "utterances": lambda db, gallery: list(moving.utterances(db, gallery, KEYS)),
    "spoken": lambda db, gallery: utterances.spoken(db, gallery, KEYS),
    "oldest": lambda db, gallery: utterances.oldest(db, gallery, KEYS, 3),
}
BY_KEY = ("INTEGER PRIMARY KEY", "ix_utterances_speaker_key")


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def asked(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Statements, with their values."""
    found: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        found.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("name", QUERIES)
def test_a_few_speakers_are_read_by_their_keys(database: Database, asked: list[tuple[str, Any]], name: str) -> None:
    gallery = add_gallery(database)
    asked.clear()
    with database.read() as db:
        QUERIES[name](db, gallery)
    require_by_key(database, *next(one for one in asked if one[0].startswith("SELECT")))


def test_a_shortlist_is_read_by_its_keys(database: Database, asked: list[tuple[str, Any]]) -> None:
    gallery = add_gallery(database)
    asked.clear()
    voiceprints.shortlist(database, gallery, KEYS)
    require_by_key(database, *next(one for one in asked if one[0].startswith("SELECT")))
    require_by_key(database, voiceprints.GLANCE, {"gallery": gallery, "keys": json.dumps(KEYS)})


def require_by_key(database: Database, statement: str, values: Any) -> None:
    with database.read() as db:
        plan = [row[3] for row in db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    tables = [step for step in plan if step.startswith(("SEARCH speakers", "SEARCH utt", "SCAN speakers", "SCAN utt"))]
    assert tables
    assert not [step for step in tables if not any(way in step for way in BY_KEY)]
