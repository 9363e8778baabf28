"""Merging speakers, moving utterances, and taking it back: as if it had never been, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from speakerid.db.models import SpeakerRow
from speakerid.errors import (
    ChangeNotFound,
    ExternalIdTaken,
    GalleryNotFound,
    InvalidRequest,
    SpeakerNotFound,
    UndoImpossible,
    UtteranceNotFound,
)
from speakerid.scoring.cosine import voiceprint
from speakerid.services import galleries, repair, speakers
from speakerid.services.engine import Engine
from speakerid.services.repair import merge, move, undo
from speakerid.services.speakers import SpeakerFields
from speakerid.types import Change, FloatArray, Repair, Speaker
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, made_up

GIVEN: dict[str, Any] = {"external_id": "hr-1", "metadata": {"team": "x"}, "consent": {"given": "2026-01-31"}}


@pytest.fixture
def ada(engine: Engine) -> Speaker:
    return add_speaker(engine, "Ada", made_up(unit(1)), made_up(unit(2)), **GIVEN)


@pytest.fixture
def ben(engine: Engine) -> Speaker:
    return add_speaker(engine, "Ben", made_up(unit(3)))


def do_merge(engine: Engine, speaker: Speaker, into: Speaker) -> Repair:
    with engine.write() as db:
        return merge(db, galleries.get(engine, "default"), speaker.id, into.id)


def do_move(engine: Engine, speaker: Speaker, utterance_id: str, to: Speaker) -> Repair:
    with engine.write() as db:
        return move(db, galleries.get(engine, "default"), speaker.id, utterance_id, to.id)


def do_undo(engine: Engine, change: str = "last") -> Repair:
    with engine.write() as db:
        return undo(db, galleries.get(engine, "default"), change)


def erase_utterance(engine: Engine, speaker_id: str, utterance_id: str) -> None:
    with engine.write(erase=True) as db:
        speakers.delete_utterance(db, galleries.get(engine, "default"), speaker_id, utterance_id)


def changes(engine: Engine) -> tuple[Change, ...]:
    with engine.read() as db:
        return repair.history(db, galleries.get(engine, "default")).items


def utterance_ids(engine: Engine, speaker: Speaker) -> list[str]:
    with engine.read() as db:
        page = speakers.list_utterances(db, galleries.get(engine, "default"), speaker.id)
    return [one.id for one in page.items]


def row_of(engine: Engine, speaker: Speaker) -> SpeakerRow | None:
    with engine.read() as db:
        return db.scalar(select(SpeakerRow).where(SpeakerRow.id == speaker.id))


def found_at(engine: Engine, vector: FloatArray) -> int | None:
    """The key that the index finds nearest."""
    return next(iter(engine.indexes.search(galleries.get(engine, "default").key, vector, 1).keys), None)


def is_voiceprint_of(engine: Engine, speaker: Speaker, *seeds: int) -> bool:
    """In SQL, and the index agrees."""
    row, wanted = row_of(engine, speaker), voiceprint(np.stack([unit(seed) for seed in seeds]))
    assert row is not None
    assert row.voiceprint is not None
    return bool(np.allclose(row.voiceprint, wanted, atol=1e-6)) and found_at(engine, wanted) == row.key


def test_a_merge_gives_everything_to_the_other(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    hers, his = utterance_ids(engine, ada), utterance_ids(engine, ben)
    done = do_merge(engine, ada, ben)
    assert (done.change.kind, done.change.state, done.change.utterances) == ("merge", "done", tuple(hers))
    assert [(one.id, one.name) for one in (done.change.speaker, done.change.into) if one] == [
        (ada.id, "Ada"),
        (ben.id, "Ben"),
    ]
    assert [(one.id, one.utterances, one.speech_seconds) for one in done.speakers] == [(ben.id, 3, 12.0)]
    assert done.summary == "Ada was merged into Ben, with 2 utterances."
    assert row_of(engine, ada) is None
    assert sorted(utterance_ids(engine, ben)) == sorted(hers + his)
    assert is_voiceprint_of(engine, ben, 1, 2, 3)
    assert found_at(engine, unit(1)) == getattr(row_of(engine, ben), "key", None)
    assert changes(engine) == (done.change,)


def test_an_undone_merge_brings_everything_back(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    hers, his, before = utterance_ids(engine, ada), utterance_ids(engine, ben), row_of(engine, ada)
    do_merge(engine, ada, ben)
    done = do_undo(engine)
    assert done.change.state == "undone"
    assert done.summary == "The merge was undone: Ada has 2 utterances back."
    back, left = done.speakers
    assert replace(back, etag=ada.etag) == ada
    assert (left.id, left.utterances) == (ben.id, 1)
    assert (utterance_ids(engine, ada), utterance_ids(engine, ben)) == (hers, his)
    assert is_voiceprint_of(engine, ada, 1, 2)
    assert is_voiceprint_of(engine, ben, 3)
    after = row_of(engine, ada)
    assert before is not None
    assert after is not None
    assert after.key > before.key  # a key is never used twice
    assert back.etag != ada.etag  # what was changed is not what somebody read before


def test_what_was_enrolled_since_stays_where_it_is(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    do_merge(engine, ada, ben)
    enroll_voice(engine, ben.id, made_up(unit(4)))
    do_undo(engine)
    assert is_voiceprint_of(engine, ada, 1, 2)
    assert is_voiceprint_of(engine, ben, 3, 4)


def test_a_moved_utterance_and_back(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    first = utterance_ids(engine, ada)[0]
    done = do_move(engine, ada, first, ben)
    assert (done.change.kind, done.change.utterances) == ("move", (first,))
    assert [(one.id, one.utterances) for one in done.speakers] == [(ada.id, 1), (ben.id, 2)]
    assert done.summary == f"Utterance {first} was moved from Ada to Ben."
    assert is_voiceprint_of(engine, ada, 2)
    assert is_voiceprint_of(engine, ben, 1, 3)
    do_undo(engine, done.change.id)
    assert is_voiceprint_of(engine, ada, 1, 2)
    assert is_voiceprint_of(engine, ben, 3)


def test_the_last_utterance_may_be_moved_away(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    done = do_move(engine, ben, utterance_ids(engine, ben)[0], ada)
    assert [(one.id, one.status) for one in done.speakers] == [(ben.id, "new"), (ada.id, "enrolled")]
    row = row_of(engine, ben)
    assert row is not None
    assert row.voiceprint is None


def test_a_speaker_without_a_voice_is_merged_too(engine: Engine, ben: Speaker) -> None:
    eve = add_speaker(engine, "Eve", external_id="hr-2")
    assert do_merge(engine, eve, ben).change.utterances == ()
    assert do_undo(engine).speakers[0].external_id == "hr-2"


def test_several_changes_are_undone_one_after_the_other(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    eve = add_speaker(engine, "Eve", made_up(unit(4)))
    do_move(engine, ada, utterance_ids(engine, ada)[0], ben)
    do_merge(engine, ada, ben)
    do_merge(engine, ben, eve)
    assert [one.state for one in changes(engine)] == ["done"] * 3
    assert [(one.speaker.name, one.into.name) for one in changes(engine) if one.speaker and one.into] == [
        ("Ben", "Eve"),
        ("Ada", "Ben"),
        ("Ada", "Ben"),
    ]
    assert is_voiceprint_of(engine, eve, 1, 2, 3, 4)
    for _ in range(3):
        do_undo(engine)
    assert [one.state for one in changes(engine)] == ["undone"] * 3
    assert is_voiceprint_of(engine, ada, 1, 2)
    assert is_voiceprint_of(engine, ben, 3)
    assert is_voiceprint_of(engine, eve, 4)
    with pytest.raises(ChangeNotFound):
        do_undo(engine)


def test_a_change_that_a_later_one_builds_on_waits(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    eve = add_speaker(engine, "Eve", made_up(unit(4)))
    first = utterance_ids(engine, ada)[0]
    moved = do_move(engine, ada, first, ben)
    again = do_move(engine, ben, first, eve)
    merged = do_merge(engine, ben, eve)
    for change in (moved.change.id, again.change.id):
        with pytest.raises(UndoImpossible, match="Undo that one first"):
            do_undo(engine, change)
    assert [do_undo(engine, one.change.id).change.state for one in (merged, again, moved)] == ["undone"] * 3
    assert is_voiceprint_of(engine, ada, 1, 2)


def test_nothing_is_undone_twice(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    change = do_merge(engine, ada, ben).change
    do_undo(engine, change.id)
    with pytest.raises(UndoImpossible, match="already"):
        do_undo(engine, change.id)


@pytest.mark.parametrize("erased", ["speaker", "utterance"])
@pytest.mark.parametrize("kind", ["merge", "move"])
def test_what_was_erased_cannot_be_brought_back(
    engine: Engine, ada: Speaker, ben: Speaker, kind: str, erased: str
) -> None:
    first = utterance_ids(engine, ada)[0]
    done = do_merge(engine, ada, ben) if kind == "merge" else do_move(engine, ada, first, ben)
    if erased == "speaker":
        erase_speaker(engine, ben.id)
    else:
        erase_utterance(engine, ben.id, first)
    for change in (done.change.id, "last"):
        with pytest.raises(UndoImpossible, match="erased"):
            do_undo(engine, change)
    assert changes(engine) == (replace(done.change, state="erased", speaker=None, into=None, utterances=()),)


def test_erasing_the_former_owner_ends_a_move(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    do_move(engine, ada, utterance_ids(engine, ada)[0], ben)
    erase_speaker(engine, ada.id)
    with pytest.raises(UndoImpossible):
        do_undo(engine)
    assert is_voiceprint_of(engine, ben, 1, 3)


def test_erasing_another_speaker_ends_nothing(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    eve = add_speaker(engine, "Eve", made_up(unit(4)))
    do_merge(engine, ada, ben)
    erase_speaker(engine, eve.id)
    assert do_undo(engine).speakers[0].name == "Ada"


def test_erasing_whom_a_speaker_was_once_merged_into_ends_nothing(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    eve = add_speaker(engine, "Eve", made_up(unit(4)))
    merged = do_merge(engine, eve, ada).change.id
    do_merge(engine, ada, ben)
    do_undo(engine)
    erase_speaker(engine, ben.id)
    assert do_undo(engine, merged).speakers[0].name == "Eve"


def test_an_external_id_that_was_given_away(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    do_merge(engine, ada, ben)
    eve = add_speaker(engine, "Eve", external_id="hr-1")
    with pytest.raises(ExternalIdTaken) as caught:
        do_undo(engine)
    assert caught.value.speaker_id == eve.id
    assert row_of(engine, ada) is None
    assert is_voiceprint_of(engine, ben, 1, 2, 3)


def test_refusals_change_nothing(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    no_one, own = replace(ada, id="spk_nobody"), utterance_ids(engine, ada)[0]
    with pytest.raises(InvalidRequest):
        do_merge(engine, ada, ada)
    with pytest.raises(InvalidRequest):
        do_move(engine, ada, own, ada)
    for one, other in ((ada, no_one), (no_one, ada)):
        with pytest.raises(SpeakerNotFound, match="spk_nobody"):
            do_merge(engine, one, other)
        with pytest.raises(SpeakerNotFound, match="spk_nobody"):
            do_move(engine, one, own, other)
    with pytest.raises(UtteranceNotFound):
        do_move(engine, ben, own, ada)
    with pytest.raises(ChangeNotFound):
        do_undo(engine, "chg_none")
    assert changes(engine) == ()
    assert is_voiceprint_of(engine, ada, 1, 2)


def test_history_stays_inside_its_gallery(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    add_gallery(engine, "other")
    there = galleries.get(engine, "other")
    foreign = add_speaker(engine, "Ada", made_up(unit(1)), gallery="other")
    change = do_merge(engine, ada, ben).change.id
    with engine.read() as db:
        assert repair.history(db, there).items == ()
    for name in (change, "last"):
        with pytest.raises(ChangeNotFound), engine.write() as db:
            undo(db, there, name)
    with pytest.raises(SpeakerNotFound):
        do_merge(engine, ben, foreign)


def test_history_comes_page_by_page(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    first = utterance_ids(engine, ada)[0]
    done = [do_move(engine, *sides).change.id for sides in ((ada, first, ben), (ben, first, ada)) * 3]
    seen, cursor = [], None
    gallery = galleries.get(engine, "default")
    with engine.read() as db:
        for _ in range(3):
            page = repair.history(db, gallery, cursor=cursor, limit=2)
            seen += [one.id for one in page.items]
            cursor = page.next_cursor
    assert (seen, cursor) == (done[::-1], None)


def test_a_gallery_erased_meanwhile(engine: Engine) -> None:
    add_gallery(engine, "team")
    gone = galleries.get(engine, "team")
    with engine.write(erase=True) as db:
        galleries.delete(db, "team")
    with pytest.raises(GalleryNotFound), engine.write() as db:
        merge(db, gone, "spk_1", "spk_2")


def test_other_processes_follow(open_engine: EngineMaker, store_url: str) -> None:
    here, there = open_engine(store_url), open_engine(store_url)
    ada, ben = add_speaker(here, "Ada", made_up(unit(1))), add_speaker(here, "Ben", made_up(unit(3)))
    assert found_at(there, unit(1)) == getattr(row_of(here, ada), "key", None)
    do_merge(here, ada, ben)
    assert is_voiceprint_of(there, ben, 1, 3)
    do_undo(here)
    assert is_voiceprint_of(there, ada, 1)


def test_a_renamed_speaker_keeps_the_new_name_in_the_history(engine: Engine, ada: Speaker, ben: Speaker) -> None:
    do_merge(engine, ada, ben)
    with engine.write() as db:
        speakers.update(db, galleries.get(engine, "default"), ben.id, SpeakerFields(name="Benjamin"))
    assert [one.into.name for one in changes(engine) if one.into] == ["Benjamin"]
