"""What happens when two processes do things at the same moment: built step by step, without luck or waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import delete, select, text

from speakerid.db.models import GalleryRow, RepairRow, SpeakerRow
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderMismatch, GalleryNotFound, SpeakerNotFound, UndoImpossible
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.repair import merge, undo
from speakerid.services.speakers import SpeakerFields
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up
from tests.waiting import PATIENCE_S, until

T = TypeVar("T")
postgresql_only = pytest.mark.parametrize("store_kind", ["postgresql"])


def started_and_blocked(engine: Engine, pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
    """`work` in another thread, once it waits for a lock that somebody else holds."""
    running = pool.submit(work)

    def waits() -> bool:
        with engine.read() as db:
            return bool(db.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())

    until(waits)
    return running


@postgresql_only
def test_two_processes_may_start_on_an_empty_store_at_once(engine: Engine, open_engine: EngineMaker) -> None:
    with engine.write() as db:
        db.execute(delete(GalleryRow))
    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            galleries.create(engine, db, "default")
            other = started_and_blocked(engine, pool, lambda: galleries.ensure_default(engine))
        assert other.result(PATIENCE_S) is None
    with engine.read() as db:
        assert [one.name for one in galleries.every(engine, db)] == ["default"]


@postgresql_only
def test_two_encoders_cannot_both_adopt_an_empty_gallery(open_engine: EngineMaker, store_url: str) -> None:
    one, other = open_engine(store_url), open_engine(store_url, encoder=FakeEncoder(dim=48))
    ada, ben = add_speaker(one, "Ada"), add_speaker(one, "Ben")
    with ThreadPoolExecutor(1) as pool:
        with one.write() as db:
            enroll(one, db, "default", ada.id, made_up(unit(1)))
            late = started_and_blocked(one, pool, lambda: enroll_voice(other, ben.id, made_up(unit(2, 48))))
        with pytest.raises(EncoderMismatch):
            late.result(PATIENCE_S)
    assert galleries.get(one, "default").encoder_fingerprint == FakeEncoder().fingerprint


@postgresql_only
def test_enrolling_into_a_gallery_that_is_being_erased(engine: Engine) -> None:
    add_gallery(engine, "team")
    ada = add_speaker(engine, "Ada", gallery="team")
    with ThreadPoolExecutor(1) as pool:
        with engine.write(erase=True) as db:
            galleries.delete(db, "team")
            late = started_and_blocked(engine, pool, lambda: enroll_voice(engine, ada.id, made_up(unit(1)), "team"))
        with pytest.raises(GalleryNotFound):
            late.result(PATIENCE_S)


@postgresql_only
def test_erasing_a_gallery_that_is_being_enrolled_into(engine: Engine) -> None:
    add_gallery(engine, "team")
    ada = add_speaker(engine, "Ada", gallery="team")

    def erase() -> None:
        with engine.write(erase=True) as db:
            galleries.delete(db, "team")

    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            enroll(engine, db, "team", ada.id, made_up(unit(1)))
            late = started_and_blocked(engine, pool, erase)
        late.result(PATIENCE_S)
    with engine.read() as db:
        assert db.scalars(select(SpeakerRow)).all() == []


@postgresql_only
def test_a_name_asked_for_twice_at_once_makes_one_speaker(engine: Engine) -> None:
    gallery = galleries.get(engine, "default")

    def ask() -> str:
        with engine.write() as db:
            return speakers.find_or_create(db, gallery, "Ada").id

    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            first = speakers.find_or_create(db, gallery, "Ada").id
            late = started_and_blocked(engine, pool, ask)
        assert late.result(PATIENCE_S) == first


@postgresql_only
@pytest.mark.parametrize("late", [("Ada", "Ben"), ("Ben", "Ada"), ("Ada", "Eve")])
def test_two_merges_of_the_same_speaker_at_once(engine: Engine, late: tuple[str, str]) -> None:
    """The second finds one of its two speakers gone; neither waits for the other in a circle."""
    people = {name: add_speaker(engine, name, made_up(unit(n))).id for n, name in enumerate(("Ada", "Ben", "Eve"))}
    gallery = galleries.get(engine, "default")

    def again() -> None:
        with engine.write() as db:
            merge(db, gallery, *(people[name] for name in late))

    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            merge(db, gallery, people["Ada"], people["Ben"])
            waiting = started_and_blocked(engine, pool, again)
        with pytest.raises(SpeakerNotFound, match=people["Ada"]):
            waiting.result(PATIENCE_S)
    with engine.read() as db:
        assert [one.utterances for one in speakers.page(db, gallery).items] == [2, 1]


@postgresql_only
def test_enrolling_a_speaker_who_is_being_merged(engine: Engine) -> None:
    ada, ben = (add_speaker(engine, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben")))
    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            merge(db, galleries.get(engine, "default"), ada.id, ben.id)
            late = started_and_blocked(engine, pool, lambda: enroll_voice(engine, ada.id, made_up(unit(2))))
        with pytest.raises(SpeakerNotFound):
            late.result(PATIENCE_S)


@postgresql_only
@pytest.mark.parametrize("meanwhile", ["undone", "erased"])
def test_undoing_what_is_being_undone_or_erased(engine: Engine, meanwhile: str) -> None:
    ada, ben = (add_speaker(engine, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben")))
    gallery = galleries.get(engine, "default")

    def take_back() -> None:
        with engine.write() as db:
            undo(db, gallery)

    with engine.write() as db:
        merge(db, gallery, ada.id, ben.id)
    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            if meanwhile == "undone":
                undo(db, gallery)
            else:
                speakers.delete(db, gallery, ben.id)
            late = started_and_blocked(engine, pool, take_back)
        with pytest.raises(UndoImpossible, match=meanwhile):
            late.result(PATIENCE_S)


@postgresql_only
def test_erasing_a_speaker_that_another_is_being_merged_into(engine: Engine) -> None:
    """Whoever comes second sees the merge, and erases the name that its history keeps as well."""
    ada, ben = (add_speaker(engine, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben")))
    with ThreadPoolExecutor(1) as pool:
        with engine.write() as db:
            merge(db, galleries.get(engine, "default"), ada.id, ben.id)
            late = started_and_blocked(engine, pool, lambda: erase_speaker(engine, ben.id))
        late.result(PATIENCE_S)
    with engine.read() as db:
        row = db.scalars(select(RepairRow)).one()
    assert (row.state, row.speaker_id, row.utterance_ids, row.merged) == ("erased", None, [], None)


def test_enrolling_a_speaker_who_was_erased_meanwhile(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    erase_speaker(engine, ada.id)
    with pytest.raises(SpeakerNotFound):
        enroll_voice(engine, ada.id, made_up(unit(1)))


def test_creating_a_speaker_in_a_gallery_erased_meanwhile(engine: Engine) -> None:
    add_gallery(engine, "team")
    looked_up = galleries.get(engine, "team")
    with engine.write(erase=True) as db:
        galleries.delete(db, "team")
    with pytest.raises(GalleryNotFound), engine.write() as db:
        speakers.create(db, looked_up, SpeakerFields(name="Ada"))
