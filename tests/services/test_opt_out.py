"""Who opted out is not there any more, and is not enrolled again by mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from speakerid import SpeakerID
from speakerid.db.models import UnknownVoiceRow
from speakerid.errors import ExternalIdTaken, NoVoiceprint, SpeakerOptedOut
from speakerid.services import galleries
from speakerid.services.engine import Engine
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_speaker, made_up, near
from tests.services.kept import inbox, keep_recording, stranger


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    """Ada and Ben were enrolled, and Ada opted out."""
    made = SpeakerID(engine)
    for name, voice in (("Ada", ADA), ("Ben", BEN)):
        made.enroll(name, utterance(voice, 0), utterance(voice, 1))
    made.change_speaker("Ada", external_id="hr-1", metadata={"team": "x"}, consent={"purpose": "minutes"})
    made.opt_out("Ada")
    return made


def test_only_who_they_are_is_kept(sid: SpeakerID) -> None:
    ada = sid.speaker("Ada")
    assert (ada.status, ada.external_id, ada.utterances) == ("opted_out", "hr-1", 0)
    assert (ada.metadata, ada.consent) == ({}, {})
    assert sid.identify(probe(ADA)).speaker is None
    with pytest.raises(NoVoiceprint):
        sid.verify("Ada", probe(ADA))


def test_the_index_has_their_vector_no_more(engine: Engine) -> None:
    sid, gallery = SpeakerID(engine), galleries.get(engine, "default")
    sid.enroll("Ada", utterance(ADA, 0))
    assert engine.indexes.search(gallery.key, unit(1), 5).size == 1
    sid.opt_out("Ada")
    assert engine.indexes.search(gallery.key, unit(1), 5).size == 0


def test_they_keep_their_id_and_opting_out_twice_changes_nothing(sid: SpeakerID) -> None:
    before = sid.speaker("Ada")
    assert sid.opt_out("Ada").id == before.id
    assert sid.speaker(before.id).created_at == before.created_at


@pytest.mark.parametrize(
    "again",
    [
        lambda sid: sid.enroll("Ada", utterance(ADA, 2)),
        lambda sid: sid.enroll("ADA ", utterance(ADA, 2)),  # however it is written
        lambda sid: sid.create_speaker("Ada"),
        lambda sid: sid.create_speaker("Augusta", external_id="hr-1"),
        lambda sid: sid.merge("Ben", "Ada"),
        lambda sid: sid.merge("Ada", "Ben"),
    ],
    ids=["enroll", "enroll otherwise written", "create by name", "by external id", "merge into", "merge away"],
)
def test_they_are_not_enrolled_again(sid: SpeakerID, again: Callable[[SpeakerID], object]) -> None:
    with pytest.raises(SpeakerOptedOut, match="opted out"):
        again(sid)
    assert sid.speaker("Ada").status == "opted_out"


def test_no_utterance_is_moved_to_them_and_no_unknown_voice_promoted(engine: Engine, sid: SpeakerID) -> None:
    sid.change_gallery("default", keep_unknown_voices=True)
    keep_recording(engine, stranger(unit(1)), gallery="default")
    unknown = inbox(engine, "default")[0].id
    with pytest.raises(SpeakerOptedOut):
        sid.promote(unknown, "Ada")
    enrolled = sid.enroll("Ben", utterance(BEN, 2)).utterance.id
    with pytest.raises(SpeakerOptedOut):
        sid.move("Ben", enrolled, "Ada")


def test_unknown_voices_that_are_theirs_are_forgotten_and_no_others(engine: Engine, sid: SpeakerID) -> None:
    sid.change_gallery("default", keep_unknown_voices=True)
    eve = add_speaker(engine, "Eve", made_up(unit(1)))
    keep_recording(engine, stranger(near(unit(1), 0.95)), stranger(unit(2), "unknown_2"), gallery="default")
    (_, other) = inbox(engine, "default")
    sid.opt_out(eve.id)
    assert inbox(engine, "default") == [other]


def test_unknown_voices_of_a_former_encoder_go_because_no_one_can_tell_whose_they_are(
    engine: Engine, sid: SpeakerID
) -> None:
    sid.change_gallery("default", keep_unknown_voices=True)
    keep_recording(engine, stranger(unit(1)), stranger(unit(2), "unknown_2"), gallery="default")
    (former, other) = inbox(engine, "default")
    with engine.write() as db:
        db.execute(update(UnknownVoiceRow).where(UnknownVoiceRow.id == former.id).values(encoder_fingerprint="f" * 64))
    sid.opt_out("Ben")
    assert [one.id for one in inbox(engine, "default")] == [other.id]


def test_somebody_else_of_that_name_has_an_external_id(sid: SpeakerID) -> None:
    assert sid.create_speaker("Ada", external_id="hr-2").status == "new"
    with pytest.raises(ExternalIdTaken):
        sid.create_speaker("Eve", external_id="hr-2")


def test_erasing_the_speaker_lifts_it(sid: SpeakerID) -> None:
    sid.delete("Ada")
    assert sid.enroll("Ada", utterance(ADA, 0)).speaker.utterances == 1
