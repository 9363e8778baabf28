"""From real recordings to the inbox and back: kept, recognized, promoted, told in past answers, forgotten."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import as_wav, decode
from speakerid.errors import RecordingNotFound, VoiceNotKept
from speakerid.errors.refusals import rounded_down
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recording import diarize_and_name
from speakerid.services.recordings import erase, results, save, submit
from speakerid.services.recordings import worker as running
from speakerid.services.recordings.results import PROMOTED
from speakerid.types import RecordedVoice, Recording
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import erase_speaker
from tests.services.kept import KEEPING, add_keeping, done_recording, inbox, left

PAUSE = np.zeros(12_000, np.float32)


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    add_keeping(engine)
    return SpeakerID(engine, KEEPING)


def talk(*given: tuple[str, int]) -> bytes:
    """Whole recordings of these voices, one after another."""
    outcome = [decode(probe(voice, nth)) for voice, nth in given]
    return as_wav((np.concatenate([PAUSE, *(part for one in outcome for part in (one, PAUSE))]), 16_000))


FIRST = talk((ADA, 0), (BEN, 0))
SECOND = talk((BEN, 1), (ADA, 1))


def past(sid: SpeakerID, recording_id: str | None) -> Recording:
    assert recording_id is not None
    with sid.engine.read() as db:
        return results.timeline(db, galleries.get(sid.engine, sid.gallery), recording_id)


def work_off(sid: SpeakerID, audio: bytes, **asked: object) -> str:
    """The id of a recording that was sent and gone through by a worker."""
    gallery = galleries.get(sid.engine, sid.gallery)
    wanted = submit.RecordingRequest(**asked)  # type: ignore[arg-type]  # of the types that its callers give
    with submit.receiving(sid.engine, gallery, wanted, submit.Intake()) as upload:
        upload.add(audio)
        upload.finish()
    row = running.claim(sid.engine, "wrk_test")
    assert row is not None
    running.run(sid.engine, row, threading.Event())
    return upload.id


def by_label(answer: Recording) -> dict[str, RecordedVoice]:
    return {one.voice: one for one in answer.voices}


def test_strangers_are_recognized_in_another_recording(sid: SpeakerID) -> None:
    first, second = sid.recording(FIRST), sid.recording(SECOND)
    ids = [[one.unknown_id for one in answer.voices] for answer in (first, second)]
    assert [one.voice for one in first.voices] == ["unknown_1", "unknown_2"]
    assert ids[0] == ids[1][::-1]
    found = sid.unknowns(min_recordings=2)
    assert [one.id for one in found] == ids[0]
    hearings = sid.unknown(found[0].id).hearings
    assert [(one.recording, one.voice) for one in hearings] == [(first.id, "unknown_1"), (second.id, "unknown_2")]
    shown = [(turn.start, turn.end) for turn in second.turns if turn.voice == "unknown_2"]
    assert [(turn.start, turn.end) for turn in hearings[1].turns] == shown


def test_the_same_file_again_is_no_recurrence(sid: SpeakerID) -> None:
    first, again = sid.recording(FIRST), sid.recording(FIRST)
    assert [one.unknown_id for one in first.voices] == [one.unknown_id for one in again.voices]
    assert [one.recordings for one in sid.unknowns()] == [1, 1]


def test_enrolled_speakers_are_not_kept(sid: SpeakerID) -> None:
    sid.enroll("Ada", *(utterance(ADA, nth) for nth in range(3)))
    answer = sid.recording(FIRST)
    assert [one.unknown_id is None for one in answer.voices] == [True, False]
    (ben,) = sid.unknowns()
    assert sid.unknown(ben.id).hearings[0].voice == "unknown_1"


def test_where_only_some_may_be_named_no_one_is_kept(sid: SpeakerID) -> None:
    """The others may be enrolled: they were not asked for."""
    sid.enroll("Ada", *(utterance(ADA, nth) for nth in range(3)))
    answer = sid.recording(FIRST, candidates=["Ada"])
    assert [one.speaker is None for one in answer.voices] == [False, True]
    assert sid.unknowns() == []


def test_other_galleries_keep_nothing_of_a_recording(sid: SpeakerID) -> None:
    plain = SpeakerID(sid.engine)
    assert plain.recording(FIRST).id is None
    recording_id = work_off(plain, FIRST)
    assert [one.unknown_id for one in past(plain, recording_id).voices] == [None, None]
    assert left(sid.engine) == (0, 0)


def test_past_answers_name_the_promoted_and_forget_the_erased(sid: SpeakerID) -> None:
    first, second = sid.recording(FIRST), sid.recording(SECOND)
    ada, ben = sid.unknowns()
    speaker = sid.promote(ada.id, "Ada").speaker
    for answer, label in ((first, "unknown_1"), (second, "unknown_2")):
        shown = past(sid, answer.id)
        voice = by_label(shown)[speaker.id]
        assert (voice.decision, voice.reason, voice.unknown_id) == ("accept", PROMOTED, None)
        assert voice.speaker is not None
        assert (voice.speaker.id, voice.speaker.name) == (speaker.id, "Ada")
        assert {turn.speaker == voice.speaker for turn in shown.turns if turn.voice == speaker.id} == {True}
        others = [one for one in shown.voices if one.voice != speaker.id]
        assert label not in by_label(shown)
        assert [(one.speaker, one.unknown_id) for one in others] == [(None, ben.id)]
    third = sid.recording(talk((ADA, 1), (BEN, 0)))
    assert [one.speaker.id if one.speaker else one.unknown_id for one in third.voices] == [speaker.id, ben.id]
    erase_speaker(sid.engine, speaker.id, KEEPING)
    voice = by_label(past(sid, first.id))["unknown_1"]
    assert (voice.decision, voice.speaker, voice.unknown_id) == ("no_speakers", None, None)


def test_a_dismissed_voice_has_no_id_in_past_answers(sid: SpeakerID) -> None:
    answer = sid.recording(FIRST)
    gone, stays = (one.unknown_id for one in answer.voices)
    assert gone is not None
    sid.dismiss(gone)
    assert [one.unknown_id for one in past(sid, answer.id).voices] == [None, stays]


def test_a_job_feeds_the_inbox_and_its_erasure_empties_it(sid: SpeakerID) -> None:
    first, second = work_off(sid, FIRST), work_off(sid, SECOND)
    assert [one.recordings for one in sid.unknowns()] == [2, 2]
    answer = past(sid, first)
    assert (answer.id, [one.unknown_id for one in answer.voices]) == (first, [one.id for one in sid.unknowns()])
    gallery = galleries.get(sid.engine, KEEPING)
    erase.recording(sid.engine, gallery, first)
    assert [one.recordings for one in sid.unknowns()] == [1, 1]
    erase.recording(sid.engine, gallery, second)
    assert left(sid.engine) == (0, 0)
    with pytest.raises(RecordingNotFound):
        past(sid, second)


def test_a_job_and_the_verb_find_the_same(sid: SpeakerID) -> None:
    work_off(sid, FIRST)
    sid.recording(FIRST)
    assert [one.recordings for one in sid.unknowns()] == [1, 1]
    assert [len(sid.unknown(one.id).hearings) for one in sid.unknowns()] == [2, 2]


def test_a_speaker_erased_while_the_recording_was_diarized_is_not_kept(sid: SpeakerID) -> None:
    ada = sid.enroll("Ada", *(utterance(ADA, nth) for nth in range(3))).speaker
    engine, gallery = sid.engine, galleries.get(sid.engine, KEEPING)
    outcome = diarize_and_name(engine, gallery, FIRST)
    erase_speaker(engine, ada.id, KEEPING)
    with engine.write() as db:
        row = done_recording(db, gallery)
        save.answer(engine, db, gallery, row, outcome, save.still_known(db, gallery.key, outcome.recording))
    (ben,) = inbox(engine)
    assert [one.voice for one in sid.unknown(ben.id).hearings] == ["unknown_1"]
    shown = past(sid, row.id)
    assert [(one.voice, one.unknown_id) for one in shown.voices] == [("unknown_2", None), ("unknown_1", ben.id)]


def why_not_kept(sid: SpeakerID, recording_id: str, voice: str) -> str:
    with pytest.raises(VoiceNotKept) as refusal:
        sid.promote_voice(recording_id, voice, "Eve")
    return str(refusal.value)


def test_why_nothing_is_kept_of_a_voice_is_told(sid: SpeakerID) -> None:
    briefly = work_off(sid, as_wav((np.concatenate([PAUSE, decode(probe(BEN))[:40_000], PAUSE]), 16_000)))
    (short,) = past(sid, briefly).voices
    spoke = f"it spoke for {rounded_down(short.speech.seconds)} s, and 3 s are needed"
    assert spoke in why_not_kept(sid, briefly, short.voice)
    again = work_off(sid, FIRST)
    first, _ = past(sid, again).voices
    assert first.unknown_id is not None
    sid.dismiss(first.unknown_id)
    assert "was forgotten since" in why_not_kept(sid, again, first.voice)
    sid.change_gallery(KEEPING, keep_unknown_voices=False)
    plain = work_off(sid, FIRST)
    assert "the gallery keeps no unknown voices" in why_not_kept(sid, plain, "unknown_1")
    sid.change_gallery(KEEPING, keep_unknown_voices=True)
    assert "the gallery kept no unknown voices then" in why_not_kept(sid, plain, "unknown_1")
    sid.enroll("Ada", utterance(ADA, 0))
    assert "without candidates and tags" in why_not_kept(sid, work_off(sid, FIRST, candidates=("Ada",)), "unknown_1")
