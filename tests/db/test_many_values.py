"""However many values a query is about, it is one statement: a store takes some ten thousand parameters and no more."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

import speakerid.db.repositories
from speakerid.db.engine import Database
from speakerid.db.models import SpeakerRow
from speakerid.db.repositories import access_log, keys, moving, repairs, speakers, utterances, voiceprints
from speakerid.types import AccessEvent
from tests.db.rows import add_gallery, add_speaker

MANY = 70_000  # PostgreSQL takes 65,535
KEYS, IDS = range(1, MANY), [f"spk_{nth}" for nth in range(MANY)]
EVENTS = [AccessEvent(0, datetime(2026, 1, 31, tzinfo=UTC), "local", "GET", "g", one, "ok", "r") for one in IDS]
# With lists that do not grow: a constant, another query, the two speakers of a merge, the galleries of a key.
BOUNDED = {
    "made",
    "bindparam('keys', expanding=True)",
    "('queued', 'running')",
    "(one_id, other_id)",
    "tagged.where(SpeakerTagRow.tag == self.tag)",
    "some",
    "ENDED",
    "keys",
    "self.galleries",
    "inside",
}

ASKED: dict[str, Callable[[Session, int], object]] = {
    "with_voice": lambda db, gallery: [one.row.name for one in voiceprints.with_voice(db, gallery, KEYS)],
    "voiceprints": lambda db, gallery: len(voiceprints.between(db, gallery, keys=KEYS)),
    "recognizable": lambda db, gallery: voiceprints.recognizable(db, gallery, KEYS),
    "unreadable": lambda db, gallery: voiceprints.unreadable(db, gallery, KEYS),
    "by_keys": lambda db, gallery: [one.name for one in speakers.by_keys(db, gallery, KEYS)],
    "ids": lambda db, gallery: len(speakers.ids(db, KEYS)),
    "names": lambda db, gallery: speakers.names(db, gallery, IDS),
    "hold": lambda db, gallery: speakers.hold(db, gallery, IDS),
    "keys": lambda db, gallery: speakers.keys(db, gallery, IDS),
    "tagged": lambda db, gallery: speakers.tagged(db, gallery, IDS),
    "merges_of": lambda db, gallery: repairs.merges_of(db, gallery, IDS),
    "spoken": lambda db, gallery: list(utterances.spoken(db, gallery, KEYS)),
    "oldest": lambda db, gallery: utterances.oldest(db, gallery, KEYS, 1),
    "moving": lambda db, gallery: list(moving.utterances(db, gallery, KEYS)),
    "ids_elsewhere": lambda db, gallery: moving.ids_elsewhere(db, SpeakerRow, gallery, IDS),
    "events": lambda db, gallery: access_log.add(db, EVENTS[:MANY:70]),
    "note_use": lambda db, gallery: keys.note_use(db, IDS, date(2026, 1, 31)),
}
FOUND: dict[str, object] = {"voiceprints": 1, "by_keys": ["Ada"], "ids": 1, "recognizable": {1}}
EMPTY: dict[str, object] = {
    "unreadable": set(),
    "names": {},
    "hold": set(),
    "ids_elsewhere": set(),
    "events": None,
    "note_use": None,
}


def test_every_query_takes_more_values_than_a_store_takes_parameters(database: Database) -> None:
    gallery = add_gallery(database)
    with database.write() as db:
        ada = add_speaker(db, gallery)
        answers = {name: ask(db, gallery) for name, ask in ASKED.items()}
        utterances.hand_over(db, IDS, ada)
    assert answers == {name: (FOUND | EMPTY).get(name, []) for name in ASKED}


def test_no_query_lists_values_that_grow_with_the_store() -> None:
    folder = Path(speakerid.db.repositories.__file__).parent
    calls = [node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    listed = {
        ast.unparse(call.args[0])
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "in_"
    }
    assert listed == BOUNDED


@pytest.mark.parametrize("values", [[], ["spk_1"], ["it's", 'a "quote"', "\\", "ü"]])
def test_texts_are_found_as_they_are(database: Database, values: list[str]) -> None:
    gallery = add_gallery(database)
    with database.write() as db:
        for seed, name in enumerate(values):
            add_speaker(db, gallery, seed, name).external_id = name
        db.flush()
        ids = [one.id for one in speakers.every(db, gallery)]
        assert sorted(speakers.names(db, gallery, ids).values()) == sorted(values)
