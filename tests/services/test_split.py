"""Splitting a speaker who is two people, and taking it back: as if it had never been."""

from __future__ import annotations

import pytest

from speakerid import SpeakerID
from speakerid.db.repositories import speakers as repository
from speakerid.errors import ExternalIdTaken, InvalidRequest, SpeakerNotFound, UndoImpossible, UtteranceNotFound
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.types import FloatArray, Speaker
from tests.db.rows import unit
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, made_up

ONE, OTHER = unit(1), unit(2)


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    return SpeakerID(engine)


@pytest.fixture
def both(engine: Engine) -> Speaker:
    """Two utterances of one person and one of another."""
    return add_speaker(engine, "Ada", *(made_up(one) for one in (ONE, unit(3), OTHER)))


def said(engine: Engine, speaker: str, gallery: str = "default") -> list[str]:
    with engine.read() as db:
        return [one.id for one in speakers.list_utterances(db, galleries.get(engine, gallery), speaker).items]


def nearest(engine: Engine, voice: FloatArray) -> str:
    found = engine.indexes.search(galleries.get(engine, "default").key, voice, 1).keys
    with engine.read() as db:
        return str(repository.ids(db, found)[0])


def test_the_utterances_are_the_new_speakers(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    *kept, given = said(engine, both.id)
    done = sid.split("Ada", [given, given], "Eve", external_id="hr-7", consent={"given": "2026-02-01"})
    eve = sid.speaker("Eve")
    assert (said(engine, both.id), said(engine, eve.id)) == (kept, [given])
    assert (eve.external_id, eve.consent, eve.utterances) == ("hr-7", {"given": "2026-02-01"}, 1)
    assert done.summary == "Eve was split off Ada, with 1 utterance."
    assert [one.name for one in done.speakers] == ["Ada", "Eve"]
    assert nearest(engine, OTHER) == eve.id
    assert nearest(engine, ONE) == both.id


def test_utterances_of_another_gallery_are_not_there(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    add_gallery(engine, "other")
    elsewhere = said(engine, add_speaker(engine, "Eve", made_up(OTHER), gallery="other").id, "other")
    for ids in (elsewhere, [*said(engine, both.id)[:1], *elsewhere]):
        with pytest.raises(UtteranceNotFound):
            sid.split("Ada", ids, "New")
    assert [one.name for one in (*sid.speakers(), *SpeakerID(engine, "other").speakers())] == ["Ada", "Eve"]
    assert said(engine, SpeakerID(engine, "other").speaker("Eve").id, "other") == elsewhere


def test_undoing_leaves_nothing_of_it(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    before = said(engine, both.id)
    eve = sid.split("Ada", before[2:], "Eve").speakers[1]
    done = sid.undo()
    assert done.summary == "The split was undone: Ada has 1 utterance back."
    assert [one.name for one in done.speakers] == ["Ada"]
    assert said(engine, both.id) == before
    assert [one.name for one in sid.speakers()] == ["Ada"]
    assert [(one.kind, one.state) for one in sid.history()] == [("split", "undone")]
    assert nearest(engine, OTHER) == both.id
    with pytest.raises(SpeakerNotFound):
        sid.speaker(eve.id)


def test_a_new_speaker_who_was_enrolled_since_stays(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    eve = sid.split("Ada", said(engine, both.id)[2:], "Eve").speakers[1]
    enroll_voice(engine, eve.id, made_up(unit(5)))
    assert [one.utterances for one in sid.undo().speakers] == [3, 1]


def test_a_merge_takes_a_split_back_as_well(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    before = said(engine, both.id)
    sid.split("Ada", before[1:2], "Eve")
    sid.merge("Eve", "Ada")
    assert said(engine, both.id) == before
    with pytest.raises(UndoImpossible):
        sid.undo(sid.history()[1].id)
    assert [sid.undo().change.kind, sid.undo().change.kind] == ["merge", "split"]
    assert [one.name for one in sid.speakers()] == ["Ada"]


def test_what_cannot_be_split(sid: SpeakerID, engine: Engine, both: Speaker) -> None:
    ben = add_speaker(engine, "Ben", made_up(unit(7)), external_id="hr-2")
    own = said(engine, both.id)
    for ids, error in (([], InvalidRequest), (own, InvalidRequest), (said(engine, ben.id), UtteranceNotFound)):
        with pytest.raises(error):
            sid.split("Ada", ids, "Eve")
    with pytest.raises(ExternalIdTaken):
        sid.split("Ada", own[:1], "Eve", external_id="hr-2")
    with pytest.raises(InvalidRequest):
        sid.split("Ada", own[:1], " ")
    assert (said(engine, both.id), [one.name for one in sid.speakers()], sid.history()) == (own, ["Ada", "Ben"], [])
