"""Answers hold ids, never names; what was erased is in none of them, nor in any file of the store."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from speakerid import SpeakerID
from speakerid.db.models import RepeatRow
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.recording import diarize_and_name
from speakerid.services.recordings import erase, save
from speakerid.services.recordings.save import Claimed
from speakerid.services.recordings.submit import Intake, RecordingRequest, receiving
from speakerid.services.repair import undo
from speakerid.services.speakers import SpeakerFields
from speakerid.types import Recording
from tests.sampled import ADA, BEN, utterance
from tests.services.enrolled import erase_speaker
from tests.services.recorded import MEETING, claim, look, send, work

SLICE = 64  # bytes of audio
NAME = "Ada Lovelace-Testing"
sqlite_only = pytest.mark.parametrize("store_kind", ["sqlite"])


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    """With two speakers enrolled."""
    made = SpeakerID(engine)
    for name, voice in ((NAME, ADA), ("Ben", BEN)):
        made.enroll(name, *(utterance(voice, nth) for nth in range(3)))
    return made


@pytest.fixture
def recording_id(sid: SpeakerID) -> str:
    """Of a meeting of both, gone through; both were named as candidates."""
    made = send(sid.engine, candidates=[NAME, "Ben"])
    work(sid.engine)
    return made


def outcome(engine: Engine, recording_id: str) -> Recording:
    found = look(engine, recording_id).result
    assert found is not None
    return found


def called(recording: Recording) -> list[str]:
    return [one.speaker.name if one.speaker else one.voice for one in recording.voices]


def files(store_url: str) -> bytes:
    return b"\n".join(path.read_bytes() for path in Path(store_url).parent.iterdir())


def test_a_renamed_speaker_has_the_new_name(sid: SpeakerID, recording_id: str) -> None:
    assert called(outcome(sid.engine, recording_id)) == [NAME, "Ben"]
    gallery = galleries.get(sid.engine, "default")
    with sid.engine.write() as db:
        speakers.update(db, gallery, speakers.by_name_or_id(db, gallery, "Ben").id, SpeakerFields(name="Benjamin"))
    found = outcome(sid.engine, recording_id)
    assert called(found) == [NAME, "Benjamin"]
    assert {turn.speaker.name for turn in found.turns if turn.speaker} == {NAME, "Benjamin"}


def test_an_erased_speaker_is_an_unknown_voice_for_good(sid: SpeakerID, recording_id: str) -> None:
    before = outcome(sid.engine, recording_id)
    ada = before.voices[0].voice
    sid.delete(NAME)
    found = outcome(sid.engine, recording_id)
    assert called(found) == ["unknown_1", "Ben"]
    assert (found.voices[0].decision, found.voices[0].speaker) == ("unknown", None)
    assert [turn.voice for turn in found.turns] == [
        "unknown_1" if turn.voice == ada else turn.voice for turn in before.turns
    ]
    assert all(turn.llr is None for turn in found.turns if turn.voice == "unknown_1")
    assert NAME not in {one.speaker.name for voice in found.voices for one in voice.candidates}
    assert look(sid.engine, recording_id).options.candidates == (before.voices[1].voice,)
    sid.delete("Ben")
    assert called(outcome(sid.engine, recording_id)) == ["unknown_1", "unknown_2"]


@sqlite_only
def test_no_answer_names_anyone(sid: SpeakerID, recording_id: str, store_url: str) -> None:
    with sid.engine.write(erase=True):
        pass
    assert files(store_url).count(NAME.encode()) == 1  # the speaker's own row


@sqlite_only
def test_no_byte_of_an_erased_speaker_stays(sid: SpeakerID, recording_id: str, store_url: str) -> None:
    ada = outcome(sid.engine, recording_id).voices[0].voice
    assert ada.encode() in files(store_url)
    erase_speaker(sid.engine, ada)
    assert [one in files(store_url) for one in (ada.encode(), NAME.encode(), b"Ben")] == [False, False, True]


@sqlite_only
def test_no_byte_of_the_audio_stays(engine: Engine, store_url: str) -> None:
    slices = [MEETING[at : at + SLICE] for at in range(0, len(MEETING) - SLICE, 5_000)]
    first, second = send(engine), send(engine)
    assert sum(one in files(store_url) for one in slices) > 0.9 * len(slices)
    work(engine)
    erase.recording(engine, galleries.get(engine, "default"), second)
    assert sum(one in files(store_url) for one in slices) == 0
    assert second.encode() not in files(store_url)
    assert first.encode() in files(store_url)


@sqlite_only
def test_no_byte_of_its_name_stays_when_it_was_sent_under_an_idempotency_key(engine: Engine, store_url: str) -> None:
    gallery = galleries.get(engine, "default")
    for nth, name in enumerate((NAME, "Another meeting")):
        with receiving(engine, gallery, RecordingRequest(name=name), Intake()) as upload:
            upload.add(MEETING)
            answer, _ = upload.finish(upload.repeat("nobody", "/recordings", f"key {nth}", ""))
        if name == NAME:
            erased = str(answer["id"])
    assert NAME.encode() in files(store_url)
    assert erase.recording(engine, gallery, erased)
    assert NAME.encode() not in files(store_url)
    with engine.read() as db:
        assert [row.answer["name"] for row in db.scalars(select(RepeatRow))] == ["Another meeting"]


def test_a_merged_speaker_is_who_they_became(sid: SpeakerID, recording_id: str) -> None:
    with sid.engine.write() as db:
        eve = speakers.create(db, galleries.get(sid.engine, "default"), SpeakerFields(name="Eve"))
    sid.merge(NAME, eve.id)
    assert called(outcome(sid.engine, recording_id)) == ["Eve", "Ben"]
    with sid.engine.write() as db:
        undo(db, galleries.get(sid.engine, "default"))
    assert called(outcome(sid.engine, recording_id)) == [NAME, "Ben"]


def test_erasing_whom_they_became_erases_them(sid: SpeakerID, recording_id: str) -> None:
    with sid.engine.write() as db:
        eve = speakers.create(db, galleries.get(sid.engine, "default"), SpeakerFields(name="Eve"))
    sid.merge(NAME, eve.id)
    sid.delete(eve.id)
    assert called(outcome(sid.engine, recording_id)) == ["unknown_1", "Ben"]


def test_a_merge_that_cannot_be_undone_any_more_leaves_who_they_became(sid: SpeakerID, recording_id: str) -> None:
    with sid.engine.write() as db:
        eve = speakers.create(db, galleries.get(sid.engine, "default"), SpeakerFields(name="Eve"))
    ada = outcome(sid.engine, recording_id).voices[0].voice
    moved = sid.merge(ada, eve.id).change.utterances
    sid.delete_utterance(eve.id, moved[0])
    found = outcome(sid.engine, recording_id)
    assert called(found) == ["Eve", "Ben"]
    assert look(sid.engine, recording_id).options.candidates is not None
    assert ada not in (look(sid.engine, recording_id).options.candidates or ())


def test_who_is_erased_while_a_recording_is_diarized_is_not_named_in_it(sid: SpeakerID) -> None:
    made = send(sid.engine)
    row = claim(sid.engine)
    found = diarize_and_name(sid.engine, galleries.get(sid.engine, "default"), MEETING)
    assert called(found.recording) == [NAME, "Ben"]
    sid.delete(NAME)
    assert save.done(sid.engine, Claimed(row.key, row.gallery_key, "wrk_test"), found)
    assert called(outcome(sid.engine, made)) == ["unknown_1", "Ben"]
    assert not save.done(sid.engine, Claimed(row.key, row.gallery_key, "wrk_test"), found)
