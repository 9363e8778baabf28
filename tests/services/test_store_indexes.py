"""Where PostgreSQL searches, answers are those of an index in memory, and there is nothing to be behind with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from speakerid.bootstrap import build_engine
from speakerid.db import encrypting, pgvector
from speakerid.db.cipher import KEY_BYTES, MasterKey
from speakerid.db.engine import Database, Handle, open_database
from speakerid.db.models import SpeakerRow
from speakerid.db.repositories import stored_vectors
from speakerid.db.repositories.stored_vectors import NearestFound
from speakerid.db.types import new_id
from speakerid.db.unlock import unlock
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import PgvectorUnavailable
from speakerid.services import galleries, health
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.services.store_indexes import StoredVectors, StoreIndexes
from speakerid.settings import Settings
from tests.db.rows import add_gallery as add_gallery_row
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up, near, probe_of
from tests.waiting import PATIENCE_S, until

WAITED_FOR = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass('voiceprint_vectors')"
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("store_kind", ["postgresql"])]


def turned_on(engine: Engine) -> Engine:
    with engine.write() as db:
        pgvector.turn_on(db)
    return replace(engine, indexes=StoreIndexes(engine.database, engine.encoder))


@pytest.fixture
def searching(engine: Engine) -> Engine:
    return turned_on(engine)


def found(engine: Engine, vector: np.ndarray, gallery: str = "default") -> tuple[int, ...]:
    return engine.indexes.search(galleries.get(engine, gallery).key, vector, 5).keys


def test_who_was_enrolled_before_is_identified(engine: Engine) -> None:
    for name in (ADA, BEN):
        add_speaker(engine, name, probe_of(engine, utterance(name)))
    searching = turned_on(engine)
    gallery = galleries.get(searching, "default")
    for name in (ADA, BEN):
        assert identify(searching, gallery, probe(name)) == identify(engine, gallery, probe(name))


def test_what_others_change_is_found_at_once_though_they_know_nothing_of_it(
    searching: Engine, open_engine: EngineMaker, store_url: str
) -> None:
    there = open_engine(store_url)
    ada = add_speaker(there, "Ada", made_up(unit(1)))
    (key,) = found(searching, unit(1))
    enroll_voice(there, ada.id, made_up(unit(2)))
    both = unit(1) + unit(2)
    vectors = StoredVectors(searching.database, galleries.get(searching, "default").key, 32)
    score = vectors.search((both / np.linalg.norm(both))[None], 1).scores[0, 0]
    assert score == pytest.approx(1.0, abs=1e-6)
    erase_speaker(there, ada.id)
    assert found(searching, unit(1)) == ()
    with searching.read() as db:
        kept = db.scalar(text("SELECT count(*) FROM voiceprint_vectors WHERE speaker_key = :key"), {"key": key})
    assert kept == 0
    assert searching.indexes.lag() == 0


def test_nothing_of_an_erased_gallery_is_left(searching: Engine) -> None:
    add_gallery(searching, "team")
    add_speaker(searching, "Ada", made_up(unit(1)), gallery="team")
    assert len(found(searching, unit(1), "team")) == 1
    assert found(searching, unit(1)) == ()
    with searching.write(erase=True) as db:
        galleries.delete(db, "team")
    with searching.read() as db:
        assert db.scalar(text("SELECT count(*) FROM voiceprint_vectors")) == 0


def test_the_gallery_teaches_the_same_threshold_as_in_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sample of it alone, which is the same."""
    monkeypatch.setattr("speakerid.services.cross_speaker.MOST_UTTERANCES", 12)
    for seed in range(40):
        add_speaker(engine, f"Speaker {seed}", made_up(near(unit(99), 0.6, seed)))
    searching = turned_on(engine)
    key = galleries.get(engine, "default").key
    taught = engine.own_strangers(key)
    assert taught is not None
    assert searching.own_strangers(key) == taught
    for seed in range(40, 60):
        add_speaker(searching, f"Speaker {seed}", made_up(near(unit(99), 0.9, seed)))
    assert searching.own_strangers(key) == engine.own_strangers(key) != taught
    assert searching.indexes.size(key) == engine.indexes.size(key) == 60


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1.0, 1.0, width=32), min_size=1, max_size=40))
def test_postgresql_reads_every_number_as_it_is(searching: Engine, numbers: list[float]) -> None:
    gallery_key = galleries.get(searching, "default").key
    vector = np.array([*numbers, 1.0], np.float32)
    vector /= np.linalg.norm(vector)
    with searching.write() as db:
        row = SpeakerRow(id=new_id("spk"), gallery_key=gallery_key, name="Ada", voiceprint=vector)
        db.add(row)
        db.flush()
        key = row.key
    keys, stored = StoredVectors(searching.database, gallery_key, len(vector)).vectors(np.array([key]))
    assert keys.tolist() == [key]
    np.testing.assert_array_equal(stored[0], vector)


@pytest.mark.parametrize(
    "damage", [bytes(128), np.full(32, np.nan, "<f4").tobytes(), b"12345", b""], ids=("zeros", "NaN", "cut", "empty")
)
def test_a_damaged_voiceprint_is_named_and_keeps_no_other_back(searching: Engine, damage: bytes) -> None:
    ada, _ = (add_speaker(searching, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben"), 1))
    with searching.write() as db:
        db.execute(text("UPDATE speakers SET voiceprint = :v WHERE id = :id"), {"v": damage, "id": ada.id})
    assert len(found(searching, unit(2))) == 1
    ready = health.readiness(searching)
    assert (ready.ready, ready.quarantined, ready.quarantined_speakers) == (True, 1, (ada.id,))
    with searching.write() as db:
        assert health.rebuild_voiceprints(db) == (ada.id,)
    assert len(found(searching, unit(1))) == 2
    assert health.readiness(searching).quarantined == 0


def test_a_table_that_differs_from_the_voiceprints_is_found_and_mended(searching: Engine) -> None:
    ada, ben = (add_speaker(searching, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben"), 1))
    with searching.write() as db:
        assert health.damage(db) == ()
        db.execute(text("UPDATE voiceprint_vectors SET embedding = NULL WHERE speaker_key = 1"))
        db.execute(text("DELETE FROM voiceprint_vectors WHERE speaker_key = 2"))
        found_ = health.damage(db)
        assert {(one.id, one.what) for one in found_} == {(one.id, health.SEARCHED) for one in (ada, ben)}
        assert set(health.rebuild_voiceprints(db)) == {ada.id, ben.id}
        assert health.damage(db) == ()
    assert len(found(searching, unit(1))) == 2


def test_once_it_is_turned_off_a_process_says_so_until_it_is_started_anew(
    searching: Engine, open_engine: EngineMaker, store_url: str
) -> None:
    add_speaker(searching, "Ada", made_up(unit(1)))
    with searching.write() as db:
        pgvector.turn_off(db)
    with pytest.raises(PgvectorUnavailable, match="Start this process anew"):
        found(searching, unit(1))
    ready = health.readiness(searching)
    assert (ready.ready, ready.reason) == (False, pgvector.GONE)
    assert len(found(open_engine(store_url), unit(1))) == 1
    add_speaker(searching, "Ben", made_up(unit(2)))


def test_a_search_that_meets_a_change_of_the_table_is_done_again(
    searching: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table goes between a search's look at it and the search itself, and is back when it is asked for."""
    add_speaker(searching, "Ada", made_up(unit(1)))
    vectors = StoredVectors(searching.database, galleries.get(searching, "default").key, 32)
    left = [pgvector.TRIES - 1]
    real = stored_vectors.nearest

    def meeting(db: Handle, *given: Any, **options: Any) -> NearestFound:
        if left[0]:
            left[0] -= 1
            db.execute(text("SELECT 1 FROM voiceprint_vectors_gone"))
        return real(db, *given, **options)

    monkeypatch.setattr(stored_vectors, "nearest", meeting)
    assert vectors.search(unit(1)[None], 1).keys.shape == (1, 1)
    left[0] = pgvector.TRIES
    with pytest.raises(PgvectorUnavailable, match="again and again"):
        vectors.search(unit(1)[None], 1)


def test_turning_it_off_lets_a_reader_of_both_tables_go_first(searching: Engine) -> None:
    """It would be a deadlock, which PostgreSQL ends by failing one of both."""
    add_speaker(searching, "Ada", made_up(unit(1)))
    failed: list[Exception] = []

    def turn_off() -> None:
        try:
            with searching.write() as db:
                pgvector.turn_off(db)
        except Exception as error:
            failed.append(error)

    with searching.read() as db:
        assert pgvector.held(db)
        thread = threading.Thread(target=turn_off)
        thread.start()
        with searching.read() as other:
            until(lambda: bool(other.scalar(text(WAITED_FOR))))
        assert db.scalar(text("SELECT count(*) FROM speakers")) == 1
    thread.join(PATIENCE_S)
    assert failed == []
    with searching.read() as db:
        assert not pgvector.held(db)
        assert health.damage(db) == ()


def test_a_gallery_that_moved_to_another_encoder_is_told_that_it_has_no_index_of_neighbors(engine: Engine) -> None:
    add_speaker(engine, "Ada", made_up(unit(1)))
    key = galleries.get(engine, "default").key
    with engine.write() as db:
        pgvector.turn_on(db, approximate=True)
        assert (pgvector.approximate_lengths(db), pgvector.lacks_index(db, key)) == ([32], False)
        longer = np.eye(1, 48, dtype=np.float32)[0].tobytes()
        db.execute(text("UPDATE speakers SET voiceprint = :longer"), {"longer": longer})
        assert pgvector.lacks_index(db, key)
        pgvector.turn_on(db, approximate=True)
        assert (pgvector.approximate_lengths(db), pgvector.lacks_index(db, key)) == ([32, 48], False)
        pgvector.turn_on(db)
        assert not pgvector.lacks_index(db, key)


def test_the_store_decides_who_searches_for_every_process(store_url: str, engine: Engine) -> None:
    kinds = []
    switches: tuple[Callable[[Handle], object], ...] = (pgvector.turn_on, pgvector.turn_off)
    for switch in switches:
        with engine.write() as db:
            switch(db)
        opened = build_engine(Settings(store=store_url), FakeEncoder())
        kinds.append(type(opened.indexes).__name__)
        opened.close()
    assert kinds == ["StoreIndexes", "IndexSync"]


def test_an_approximate_index_finds_who_is_there_and_can_be_left_out_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerid.services.store_indexes.EXACT_UP_TO", 10)
    for seed in range(30):
        add_speaker(engine, f"Speaker {seed}", made_up(unit(seed)))
    with engine.write() as db:
        assert pgvector.turn_on(db, approximate=True) == 30
        assert pgvector.is_approximate(db, 32)
    searching = StoreIndexes(engine.database, engine.encoder)
    key = galleries.get(engine, "default").key
    assert [searching.search(key, unit(seed), 1).keys for seed in range(30)] == [
        engine.indexes.search(key, unit(seed), 1).keys for seed in range(30)
    ]
    with engine.write() as db:
        pgvector.turn_on(db)
        assert not pgvector.is_approximate(db, 32)


def test_an_encrypted_store_has_none_of_it(store_url: str) -> None:
    master = MasterKey(os.urandom(KEY_BYTES))
    database = open_database(store_url)
    _fill(database)
    with database.write() as db:
        assert pgvector.turn_on(db) == 1
    encrypting.encrypt(database, master)
    database.close()
    again = open_database(store_url)
    unlock(again, master)
    with again.read() as db:
        assert not pgvector.exists(db)
    with again.write() as db, pytest.raises(PgvectorUnavailable, match="encrypted"):
        pgvector.turn_on(db)
    again.close()


def _fill(database: Database) -> None:
    gallery_key = add_gallery_row(database)
    with database.write() as db:
        db.add(SpeakerRow(id=new_id("spk"), gallery_key=gallery_key, name="Ada", voiceprint=unit(1)))
