"""The same people in two galleries never meet, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from speakerid.errors import SpeakerNotFound, UnknownVoiceNotFound, UtteranceNotFound
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.services.neighbors import NO_NEIGHBORS
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns.inbox import dismiss
from speakerid.services.unknowns.promote import look_up, promote
from speakerid.services.verify import verify
from speakerid.types import Speaker
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, erase_speaker, probe_of
from tests.services.kept import add_keeping, details, inbox, keep_recording, stranger

HERE, THERE = "default", "there"
Twins = tuple[Speaker, Speaker]


@pytest.fixture
def twins(engine: Engine) -> Twins:
    """The same name, external id and bytes in two galleries."""
    add_gallery(engine, THERE)
    voice = probe_of(engine, utterance(ADA))
    here, there = (add_speaker(engine, "Ada", voice, gallery=one, external_id="hr-1") for one in (HERE, THERE))
    return here, there


def test_identify_names_the_one_of_its_own_gallery(engine: Engine, twins: Twins) -> None:
    for gallery, speaker in zip((HERE, THERE), twins, strict=True):
        answer = identify(engine, galleries.get(engine, gallery), probe(ADA))
        assert [one.speaker.id for one in answer.candidates] == [speaker.id]


def test_a_gallery_does_not_grow_with_another(engine: Engine, twins: Twins) -> None:
    before = identify(engine, galleries.get(engine, HERE), probe(ADA)).threshold
    add_speaker(engine, "Ben", probe_of(engine, utterance(BEN)), gallery=THERE)
    assert identify(engine, galleries.get(engine, HERE), probe(ADA)).threshold == before


def test_lists_and_names_stay_inside(engine: Engine, twins: Twins) -> None:
    for gallery, speaker in zip((HERE, THERE), twins, strict=True):
        row = galleries.get(engine, gallery)
        with engine.read() as db:
            assert [one.id for one in speakers.page(db, row).items] == [speaker.id]
            assert speakers.by_name_or_id(db, row, "Ada").id == speaker.id


CALLS: dict[str, Callable[[Engine, str], object]] = {
    "get": lambda engine, other: _read(engine, other, "get"),
    "list utterances": lambda engine, other: _read(engine, other, "utterances"),
    "by id": lambda engine, other: _read(engine, other, "by id"),
    "change": lambda engine, other: _change(engine, other),
    "delete": lambda engine, other: erase_speaker(engine, other, HERE),
    "enroll": lambda engine, other: enroll_voice(engine, other, probe_of(engine, utterance(BEN)), HERE),
    "verify": lambda engine, other: verify(engine, galleries.get(engine, HERE), other, probe(ADA)),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_other_gallerys_speaker_does_not_exist_here(engine: Engine, twins: Twins, call: str) -> None:
    with pytest.raises(SpeakerNotFound):
        CALLS[call](engine, twins[1].id)
    with engine.read() as db:
        assert speakers.get(db, galleries.get(engine, THERE), twins[1].id) == twins[1]


def test_the_other_gallerys_utterance_does_not_exist_here(engine: Engine, twins: Twins) -> None:
    with engine.read() as db:
        foreign = speakers.list_utterances(db, galleries.get(engine, THERE), twins[1].id).items[0].id
    with pytest.raises(UtteranceNotFound), engine.write() as db:
        speakers.delete_utterance(db, galleries.get(engine, HERE), twins[0].id, foreign)


def test_a_voice_found_in_both_galleries_is_kept_in_each(engine: Engine) -> None:
    for gallery in ("one", "other"):
        add_keeping(engine, gallery)
        keep_recording(engine, stranger(unit(1)), gallery=gallery)
    here, there = (inbox(engine, gallery)[0] for gallery in ("one", "other"))
    assert (here.recordings, there.recordings) == (1, 1)
    for call in UNKNOWN_CALLS.values():
        with pytest.raises(UnknownVoiceNotFound):
            call(engine, there.id)
    assert inbox(engine, "other") == [there]


UNKNOWN_CALLS: dict[str, Callable[[Engine, str], object]] = {
    "show": lambda engine, other: details(engine, other, "one"),
    "look up": lambda engine, other: look_up(engine, galleries.get(engine, "one"), other),
    "promote": lambda engine, other: _promote(engine, other),
    "dismiss": lambda engine, other: _dismiss(engine, other),
}


def test_erasing_here_leaves_there_alone(engine: Engine, twins: Twins) -> None:
    erase_speaker(engine, twins[0].id, HERE)
    assert identify(engine, galleries.get(engine, HERE), probe(ADA)).decision == "no_speakers"
    assert len(identify(engine, galleries.get(engine, THERE), probe(ADA)).candidates) == 1


def _read(engine: Engine, speaker_id: str, what: str) -> object:
    gallery = galleries.get(engine, HERE)
    with engine.read() as db:
        if what == "utterances":
            return speakers.list_utterances(db, gallery, speaker_id)
        return (speakers.get if what == "get" else speakers.by_name_or_id)(db, gallery, speaker_id)


def _change(engine: Engine, speaker_id: str) -> Speaker:
    with engine.write() as db:
        return speakers.update(db, galleries.get(engine, HERE), speaker_id, SpeakerFields(name="Eve"))


def _promote(engine: Engine, unknown_id: str) -> None:
    with engine.write() as db:
        promote(engine, db, "one", unknown_id, SpeakerFields(name="Eve"), NO_NEIGHBORS)


def _dismiss(engine: Engine, unknown_id: str) -> None:
    with engine.write() as db:
        dismiss(db, galleries.get(engine, "one"), unknown_id)
