"""What goes through a whole gallery, part by part, costs ten times as much for ten times as many speakers; and a page
of the list of speakers costs the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from benchmarks.enrolled_rows import speaker_row, utterance_row
from speakerid.db.engine import Database, Handle, open_database
from speakerid.db.models import ReembeddingRow
from speakerid.db.repositories import galleries, moving, reembeddings, speakers
from speakerid.db.types import new_id
from speakerid.scoring.cosine import voiceprint
from speakerid.services import health
from speakerid.services.moving import writing
from speakerid.services.reembedding import work
from tests.db.rows import add_gallery, unit

FEW, TIMES = 60, 10
AT_ONCE = 6  # so that the few are ten parts, and ten times as many a hundred
EVERY = 20  # instructions of SQLite's machine


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in ((writing, "SPEAKERS_AT_ONCE"), (health, "AT_ONCE"), (work, "AT_ONCE")):
        monkeypatch.setattr(where, name, AT_ONCE)


@pytest.fixture
def database(store_url: str) -> Database:
    return open_database(store_url)


def filled(database: Database, count: int) -> str:
    """A gallery of so many speakers, with two utterances each; its name."""
    name = f"of-{count}"
    key = add_gallery(database, name)
    with database.write() as db:
        gallery = galleries.get(db, name)
        said = [np.stack([unit(key * 10_000 + 2 * nth), unit(key * 10_000 + 2 * nth + 1)]) for nth in range(count)]
        keys = moving.add_speakers(db, [speaker_row(gallery, nth, voiceprint(own)) for nth, own in enumerate(said)])
        of = [(speaker_key, one) for speaker_key, own in zip(keys, said, strict=True) for one in own]
        moving.add_utterances(db, [utterance_row(gallery, speaker_key, one) for speaker_key, one in of])
    return name


def instructions(database: Database, read: Callable[[Handle], object]) -> int:
    """Of SQLite's machine, for what is read."""
    counted = list[None]()
    with database.read() as db:
        connection = db.connection().connection.driver_connection
        assert connection is not None
        connection.set_progress_handler(lambda: counted.append(None), EVERY)
        try:
            read(db)
        finally:
            connection.set_progress_handler(None, 0)
    return len(counted) * EVERY


def exported(db: Handle, gallery: str) -> None:
    for _ in writing.GalleryWriter(io.BytesIO(), db, galleries.get(db, gallery), audio=False).steps():
        pass


def looked_through(db: Handle, gallery: str) -> None:
    assert not list(health._of_gallery(db, galleries.get(db, gallery)))


def looked_for_what_is_missing(db: Handle, gallery: str) -> None:
    job = ReembeddingRow(id=new_id("emb"), key=1, gallery_key=galleries.get(db, gallery).key)
    keys = reembeddings.keys_missing(db, job)
    for start in range(0, len(keys), AT_ONCE):
        assert reembeddings.by_keys(db, job, keys[start : start + AT_ONCE])


@pytest.mark.parametrize("go_through", [exported, looked_through, looked_for_what_is_missing])
def test_ten_times_as_many_speakers_cost_about_ten_times_as_much(
    database: Database, go_through: Callable[..., None]
) -> None:
    few, many = filled(database, FEW), filled(database, TIMES * FEW)
    cost = [instructions(database, partial(go_through, gallery=one)) for one in (few, many)]
    assert cost[1] < 1.3 * TIMES * cost[0]
    database.close()


def test_a_page_of_speakers_costs_the_same_in_a_large_gallery(database: Database) -> None:
    cost = list[int]()
    for count in (FEW, TIMES * FEW):
        name = filled(database, count)
        with database.read() as db:
            key = galleries.get(db, name).key
            first = speakers.page(db, key, after=None, limit=20)
        after = first[-1].row.id
        page = partial(speakers.page, gallery_key=key, after=after, limit=20)
        cost.append(instructions(database, page))
        assert [one.utterances for one in first] == [2] * 20
    assert cost[1] < 1.1 * cost[0]
    database.close()
