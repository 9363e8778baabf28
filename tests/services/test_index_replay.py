"""Whatever happens in whatever order: an index that followed, one loaded anew, and SQL agree."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speakerid.db.repositories import speakers as rows
from speakerid.index.exact import ExactIndex
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.heard import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up

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
    deadline=None,
    derandomize=True,
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
        return {key: float(vector @ unit(0)) for key, vector in rows.voiceprints(db, gallery_key)}


def _contents(engine: Engine, gallery_key: int) -> dict[int, float]:
    index = engine.indexes.catch_up(gallery_key)
    if index is None or not len(index):
        return {}
    result = index.search(unit(0)[None], len(index) + 1)
    return {int(key): float(score) for key, score in zip(result.keys[0], result.scores[0], strict=True)}
