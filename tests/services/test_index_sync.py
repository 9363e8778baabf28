"""The index follows SQL: never ahead of a commit, never behind for long, never back to what was erased."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speakerid.db.engine import Database
from speakerid.db.repositories import voiceprints as rows
from speakerid.index.base import Keys, SearchResult
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.follower import Follower
from speakerid.services.identify import identify
from speakerid.services.index_sync import IndexSync
from speakerid.services.speakers import SpeakerFields
from speakerid.services.validation import EVERY_REFUSAL
from speakerid.types import FloatArray
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.index.exact import ExactIndex
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up, probe_of
from tests.waiting import PATIENCE_S, until

MORE_THAN_A_STATEMENT_TAKES = 300_000  # 32,766 parameters, where SQLite was not built for more


def found(engine: Engine, vector: FloatArray, gallery: str = "default") -> tuple[int, ...]:
    """The speaker keys that the index offers for a vector."""
    return engine.indexes.search(galleries.get(engine, gallery).key, vector, 10).keys


def test_nothing_is_searchable_before_its_commit(engine: Engine) -> None:
    add_speaker(engine, "Ben", made_up(unit(2)))
    assert len(found(engine, unit(1))) == 1
    ada = add_speaker(engine, "Ada")
    with engine.write() as db:
        enroll(engine, db, "default", ada.id, made_up(unit(1)))
        assert len(found(engine, unit(1))) == 1
    assert len(found(engine, unit(1))) == 2


def test_however_many_speakers_are_asked_for_those_who_may_be_recognized_are_found(engine: Engine) -> None:
    """As many as are hidden are looked at beyond those that are wanted."""
    add_speaker(engine, "Ada", made_up(unit(1)))
    many = range(1, MORE_THAN_A_STATEMENT_TAKES)
    recognized = engine.indexes.recognized(galleries.get(engine, "default").key, many)
    assert [one.row.name for one in recognized] == ["Ada"]


def test_a_failed_transaction_leaves_index_and_rows_as_they_were(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    before = found(engine, unit(1))
    with suppress(ZeroDivisionError), engine.write() as db:
        enroll(engine, db, "default", ada.id, made_up(unit(2)), EVERY_REFUSAL)
        speakers.delete(db, galleries.get(engine, "default"), ada.id)
        raise ZeroDivisionError
    assert found(engine, unit(1)) == before
    with engine.read() as db:
        assert speakers.get(db, galleries.get(engine, "default"), ada.id) == ada


def test_what_another_process_committed_is_found(open_engine: EngineMaker, store_url: str) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada = add_speaker(there, "Ada", made_up(unit(1)))
    first = found(here, unit(1))
    assert len(first) == 1
    add_speaker(there, "Ben", made_up(unit(2)))
    assert len(found(here, unit(1))) == 2
    erase_speaker(there, ada.id)
    assert len(found(here, unit(1))) == 1
    assert first[0] not in found(here, unit(1))
    assert here.indexes.lag() == 0


@pytest.mark.parametrize("store_kind", ["postgresql"])
def test_what_others_committed_is_found_however_long_another_transaction_runs(
    open_engine: EngineMaker, store_url: str
) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    add_speaker(there, "Ada", made_up(unit(1)))
    with there.write() as slow:
        speakers.create(slow, galleries.get(there, "default"), SpeakerFields(name="Cleo"))
        assert len(found(here, unit(1))) == 1
        add_speaker(there, "Ben", made_up(unit(2)))
        assert len(found(here, unit(2))) == 2
        assert here.indexes.lag() == 0


def test_what_was_erased_elsewhere_leaves_memory_though_nobody_searches(
    open_engine: EngineMaker, store_url: str
) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada = add_speaker(there, "Ada", made_up(unit(1)))
    add_speaker(there, "Ben", made_up(unit(2)))
    held = in_memory(here).catch_up(galleries.get(here, "default").key)
    assert len(held) == 2
    here.database.remembered("who", lambda _: "Ada")
    follower = Follower(here)
    follower.start()
    try:
        until(lambda: here.database.memory.peek("who") is None)  # at its first look it forgets everything
        here.database.remembered("who", lambda _: "Ada")
        erase_speaker(there, ada.id)
        until(lambda: len(held) == 1)
        until(lambda: here.database.memory.peek("who") is None)
    finally:
        follower.stop()


def test_a_moved_voiceprint_is_found_where_it_is_now(open_engine: EngineMaker, store_url: str) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada = add_speaker(here, "Ada", made_up(unit(1)))
    add_speaker(here, "Ben", made_up(unit(3)))
    assert len(found(there, unit(1))) == 2
    enrollment = enroll_voice(here, ada.id, made_up(unit(2)))
    for engine in (here, there):
        with engine.write(erase=True) as db:
            gallery = galleries.get(engine, "default")
            for one in speakers.list_utterances(db, gallery, ada.id).items:
                if one.id != enrollment.utterance.id and engine is here:
                    speakers.delete_utterance(db, gallery, ada.id, one.id)
        nearest = engine.indexes.search(galleries.get(engine, "default").key, unit(2), 1)
        with engine.read() as db:
            row = speakers.by_name_or_id(db, galleries.get(engine, "default"), "Ada")
        assert nearest.keys == (row.key,)


def test_applying_late_cannot_bring_an_erased_speaker_back(engine: Engine) -> None:
    add_speaker(engine, "Ben", made_up(unit(2)))
    assert len(found(engine, unit(1))) == 1
    ada = add_speaker(engine, "Ada")
    with engine.database.write() as db:  # committed, but its change is applied only at the very end
        enroll(engine, db, "default", ada.id, made_up(unit(1)))
        key = speakers.by_name_or_id(db, galleries.get(engine, "default"), "Ada").key
    erase_speaker(engine, ada.id)
    engine.indexes.apply({galleries.get(engine, "default").key: {key}})
    assert key not in found(engine, unit(1))


def test_applying_late_cannot_bring_an_old_voiceprint_back(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    gallery_key = galleries.get(engine, "default").key
    (key,) = found(engine, unit(1))
    enroll_voice(engine, ada.id, made_up(unit(2)))
    now = in_memory(engine).catch_up(gallery_key).vectors
    assert now is not None
    before = now.search(unit(2)[None], 1).scores
    engine.indexes.apply({gallery_key: {key}})
    assert now.search(unit(2)[None], 1).scores == before


def test_a_speaker_erased_between_search_and_answer_is_not_named(open_engine: EngineMaker, store_url: str) -> None:
    """The index still offers Ada; SQL is asked again and knows better."""
    erasing = open_engine(store_url)
    ada = add_speaker(erasing, "Ada", probe_of(erasing, utterance(ADA)))
    add_speaker(erasing, "Ben", probe_of(erasing, utterance(BEN)))

    class ErasingIndex(ExactIndex):
        def search(self, queries: FloatArray, k: int) -> SearchResult:
            offered = super().search(queries, k)
            erase_speaker(erasing, ada.id)
            return offered

    engine = open_engine(store_url, new_index=ErasingIndex)
    answer = identify(engine, galleries.get(engine, "default"), probe(ADA))
    assert answer.decision == "unknown"
    assert [one.speaker.name for one in answer.candidates] == ["Ben"]


def test_an_erased_gallery_leaves_memory_with_its_commit(engine: Engine) -> None:
    add_gallery(engine, "team")
    add_speaker(engine, "Ada", made_up(unit(1)), gallery="team")
    key = galleries.get(engine, "team").key
    with suppress(ZeroDivisionError), engine.write() as db:
        galleries.delete(db, "team")
        raise ZeroDivisionError
    assert len(engine.indexes.search(key, unit(1), 1).keys) == 1
    with engine.write(erase=True) as db:
        galleries.delete(db, "team")
        engine.indexes.search(key, unit(1), 1)  # a search meanwhile loads it again
    assert engine.indexes.loaded() == set()


def test_a_gallery_erased_elsewhere_leaves_memory_with_the_next_look(open_engine: EngineMaker, store_url: str) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    add_gallery(there, "team")
    add_speaker(there, "Ada", made_up(unit(1)), gallery="team")
    assert len(found(here, unit(1), "team")) == 1
    with there.write(erase=True) as db:
        galleries.delete(db, "team")
    assert here.indexes.lag() == 0
    assert here.indexes.loaded() == set()


def test_everything_can_be_loaded_at_the_start(open_engine: EngineMaker, store_url: str) -> None:
    before = open_engine(store_url)
    add_gallery(before, "team")
    add_speaker(before, "Ada", made_up(unit(1)))
    add_speaker(before, "Ben", made_up(unit(2)), gallery="team")
    after = open_engine(store_url)
    assert after.indexes.loaded() == set()
    after.indexes.load_all()
    assert after.indexes.loaded() == {galleries.get(after, name).key for name in ("default", "team")}


def test_a_large_gallery_is_loaded_in_pieces(
    engine: Engine, open_engine: EngineMaker, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("speakerid.services.index_sync.LOAD_ROWS", 3)
    for number in range(10):
        add_speaker(engine, f"Speaker {number}", made_up(unit(number)))
    assert len(set(found(open_engine(store_url), unit(0)))) == 10


def test_a_gallery_that_is_being_loaded_keeps_no_other_waiting(open_engine: EngineMaker, store_url: str) -> None:
    before = open_engine(store_url)
    add_gallery(before, "team")
    add_speaker(before, "Ada", made_up(unit(1)))
    add_speaker(before, "Ben", made_up(unit(2)), gallery="team")
    loading, go_on = threading.Event(), threading.Event()

    class SlowIndex(ExactIndex):
        def upsert(self, keys: Keys, vectors: FloatArray) -> None:
            if np.array_equal(vectors[0], unit(1)):
                loading.set()
                go_on.wait(PATIENCE_S)
            super().upsert(keys, vectors)

    engine = open_engine(store_url, new_index=SlowIndex)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(found, engine, unit(1))
        assert loading.wait(PATIENCE_S)
        try:
            assert len(pool.submit(found, engine, unit(2), "team").result(PATIENCE_S / 2)) == 1
        finally:
            go_on.set()
        assert len(slow.result()) == 1


class CountingIndex(ExactIndex):
    """Counts what reaches it."""

    written = 0

    def upsert(self, keys: Keys, vectors: FloatArray) -> None:
        CountingIndex.written += len(keys)
        super().upsert(keys, vectors)


def test_searching_twice_reads_nothing_twice(engine: Engine) -> None:
    add_speaker(engine, "Ada", made_up(unit(1)))
    sync = IndexSync(_database(engine), CountingIndex)
    key = galleries.get(engine, "default").key
    CountingIndex.written = 0
    for _ in range(3):
        np.testing.assert_equal(len(sync.search(key, unit(1), 1).keys), 1)
    assert CountingIndex.written == 1


def _database(engine: Engine) -> Database:
    return engine.database


Pair = tuple[Engine, Engine]
Step = tuple[int, int, str, bool]
PEOPLE = range(4)
# Which process does it, to whom, what, and whether the other process looks at its index afterwards.
STEPS = st.lists(
    st.tuples(
        st.sampled_from((0, 1)),
        st.sampled_from(PEOPLE),
        st.sampled_from(("enroll", "enroll", "erase speaker", "erase utterance")),
        st.booleans(),
    ),
    max_size=14,
)
_numbers = count(1)


@pytest.fixture
def pair(open_engine: EngineMaker, store_url: str) -> Pair:
    """Two processes on one store, one with FAISS and one with the exact index."""
    return open_engine(store_url), open_engine(store_url, new_index=ExactIndex)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_following_equals_loading_equals_sql(pair: Pair, steps: list[Step]) -> None:
    gallery = f"example-{next(_numbers)}"
    add_gallery(pair[0], gallery)
    key = galleries.get(pair[0], gallery).key
    ids: dict[int, str] = {}
    for process, person, what, look in steps:
        _do(pair[process], gallery, ids, person, what)
        if look:
            pair[1 - process].indexes.search(key, unit(0), 1)
    truth = pytest.approx(_truth(pair[0], key), abs=1e-6)  # float32 sums in another order
    for engine in pair:
        assert _contents(engine, key) == truth
        engine.indexes.forget({key})
        assert _contents(engine, key) == truth


def _do(engine: Engine, gallery: str, ids: dict[int, str], person: int, what: str) -> None:
    if what == "enroll":
        if person not in ids:
            ids[person] = add_speaker(engine, f"Person {person}", gallery=gallery).id
        enroll_voice(engine, ids[person], made_up(unit(next(_numbers))), gallery)
    elif person in ids and what == "erase speaker":
        erase_speaker(engine, ids.pop(person), gallery)
    elif person in ids:
        _erase_first_utterance(engine, gallery, ids[person])


def _erase_first_utterance(engine: Engine, gallery: str, speaker_id: str) -> None:
    row = galleries.get(engine, gallery)
    with engine.write() as db:
        for utterance in speakers.list_utterances(db, row, speaker_id, limit=1).items:
            speakers.delete_utterance(db, row, speaker_id, utterance.id)


def _truth(engine: Engine, gallery_key: int) -> dict[int, float]:
    """Cosine with a fixed probe of every voiceprint, as SQL has them."""
    with engine.read() as db:
        return {key: float(vector @ unit(0)) for key, vector in rows.between(db, gallery_key)}


def _contents(engine: Engine, gallery_key: int) -> dict[int, float]:
    vectors = in_memory(engine).catch_up(gallery_key).vectors
    if vectors is None or not len(vectors):
        return {}
    result = vectors.search(unit(0)[None], len(vectors) + 1)
    return {int(key): float(score) for key, score in zip(result.keys[0], result.scores[0], strict=True)}
