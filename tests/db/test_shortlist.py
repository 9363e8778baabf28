"""Who is behind the nearest voiceprints: read at a glance where nothing is in doubt, else in a transaction."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter

import pytest
from sqlalchemy import text

from speakerid.db.engine import Database
from speakerid.db.repositories import voiceprints
from speakerid.db.types import now
from tests.db.rows import add_gallery, add_speaker


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def test_a_glance_and_a_transaction_name_the_same_speakers(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, other = add_gallery(database), add_gallery(database, "other")
    with database.write() as db:
        plain, ending, silent, damaged = (add_speaker(db, gallery, name=name) for name in ("Ada", "Ben", "Cy", "Di"))
        stranger = add_speaker(db, other)
        ending.consent_expires_at = now() + timedelta(days=1)
        silent.voiceprint = None
        keys = [one.key for one in (plain, ending, silent, damaged, stranger)]
    with database.write() as db:
        db.execute(text("UPDATE speakers SET metadata = '{' WHERE key = :key"), {"key": keys[3]})
    glanced = voiceprints.shortlist(database, gallery, keys)
    assert [one.name for one in voiceprints._glanced(database, gallery, keys)] == ["Ada"]
    monkeypatch.setattr(database, "watch", None)
    assert sorted(glanced, key=attrgetter("key")) == voiceprints.shortlist(database, gallery, keys)
    assert [one.name for one in glanced] == ["Ada", "Ben"]
    assert glanced[1].consent_expires_at is not None
