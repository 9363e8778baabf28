"""A kept voice becomes a speaker, and past recordings know who it was."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select

from speakerid.db.models import RecordingRow, UtteranceRow
from speakerid.db.repositories import unknowns
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    DoesNotMatchSpeaker,
    EncoderMismatch,
    SpeakeridError,
    SpeakerNotFound,
    UnknownVoiceNotFound,
    UtteranceElsewhere,
    VoiceAlreadyEnrolled,
)
from speakerid.scoring.cosine import voiceprint
from speakerid.services import galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.repair import merge, undo
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns.promote import look_up, promote
from speakerid.types import EnrollmentRefusal, Promotion
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_speaker, erase_speaker, made_up, near
from tests.services.kept import KEEPING, add_keeping, details, inbox, keep_recording, left, stranger

ADA, BEN, EVE = unit(1), unit(2), unit(3)


@pytest.fixture
def keeping(engine: Engine) -> Engine:
    add_keeping(engine)
    return engine


def promoted(engine: Engine, unknown_id: str, into: SpeakerFields | str, *accept: EnrollmentRefusal) -> Promotion:
    near = look_up(engine, galleries.get(engine, KEEPING), unknown_id)
    with engine.write() as db:
        return promote(engine, db, KEEPING, unknown_id, into, near, frozenset(accept))


def who(engine: Engine, recording_id: str, label: str = "unknown_1") -> str | None:
    """The id of the kept voice or the speaker that a voice of a past recording is."""
    with engine.read() as db:
        key = db.scalars(select(RecordingRow.key).where(RecordingRow.id == recording_id)).one()
        found = unknowns.whose(db, key).get(label)
    if found is None or found.speaker is None:
        return None if found is None else found.unknown_id
    return found.speaker.id


def test_a_new_speaker_is_enrolled_from_the_hearings(keeping: Engine) -> None:
    vectors = (ADA, near(ADA, 0.9))
    recordings = tuple(keep_recording(keeping, stranger(vector)) for vector in vectors)
    given = SpeakerFields(name="Ada", external_id="hr-1", metadata={"team": "x"}, consent={"given": "2026-01-31"})
    done = promoted(keeping, inbox(keeping)[0].id, given)
    assert (done.speaker.name, done.speaker.external_id, done.speaker.consent) == ("Ada", "hr-1", given.consent)
    assert (done.speaker.status, done.speaker.utterances, done.speaker.speech_seconds) == ("enrolled", 2, 20.0)
    assert (done.recordings, done.cohesion, done.similar_speaker) == (recordings, None, None)
    assert [one.speech.seconds for one in done.utterances] == [10.0, 10.0]
    assert (inbox(keeping), left(keeping)) == ([], (0, 2))
    gallery = galleries.get(keeping, KEEPING)
    with keeping.read() as db:
        row = speakers.by_name_or_id(db, gallery, "Ada")
        rows = db.scalars(select(UtteranceRow).where(UtteranceRow.speaker_key == row.key)).all()
        assert {(one.audio, one.encoder_fingerprint) for one in rows} == {(None, keeping.encoder.fingerprint)}
    assert row.voiceprint is not None
    np.testing.assert_allclose(row.voiceprint, voiceprint(np.stack(vectors)), atol=1e-6)
    assert keeping.indexes.search(gallery.key, ADA, 1).keys == (row.key,)


def test_past_recordings_know_the_speaker(keeping: Engine) -> None:
    recordings = [keep_recording(keeping, stranger(ADA), stranger(BEN, "unknown_2")) for _ in range(2)]
    ada, ben = inbox(keeping)
    assert [who(keeping, one) for one in recordings] == [ada.id, ada.id]
    speaker = promoted(keeping, ada.id, SpeakerFields(name="Ada")).speaker
    assert [who(keeping, one) for one in recordings] == [speaker.id, speaker.id]
    assert [who(keeping, one, "unknown_2") for one in recordings] == [ben.id, ben.id]
    erase_speaker(keeping, speaker.id, KEEPING)
    assert [who(keeping, one) for one in recordings] == [None, None]
    assert left(keeping) == (1, 2)


def test_a_merge_takes_past_recordings_along(keeping: Engine) -> None:
    recording = keep_recording(keeping, stranger(ADA))
    eve = add_speaker(keeping, "Eve", made_up(EVE), gallery=KEEPING)
    ada = promoted(keeping, inbox(keeping)[0].id, SpeakerFields(name="Ada")).speaker
    gallery = galleries.get(keeping, KEEPING)
    with keeping.write() as db:
        merge(db, gallery, ada.id, eve.id)
    assert who(keeping, recording) == eve.id
    with keeping.write() as db:
        undo(db, gallery)
    assert who(keeping, recording) == ada.id


def test_into_an_existing_speaker(keeping: Engine) -> None:
    ada = add_speaker(keeping, "Ada", made_up(ADA), gallery=KEEPING)
    recording = keep_recording(keeping, stranger(near(ADA, 0.9)))
    done = promoted(keeping, inbox(keeping)[0].id, ada.id)
    assert (done.speaker.id, done.speaker.utterances, who(keeping, recording)) == (ada.id, 2, ada.id)
    assert done.cohesion is not None
    assert done.cohesion.score == pytest.approx(0.9, abs=1e-6)


def test_a_voice_enrolled_under_another_name_is_refused(keeping: Engine) -> None:
    ada = add_speaker(keeping, "Ada", made_up(ADA), gallery=KEEPING)
    keep_recording(keeping, stranger(near(ADA, 0.99)))
    unknown_id = inbox(keeping)[0].id
    with pytest.raises(VoiceAlreadyEnrolled) as refused:
        promoted(keeping, unknown_id, SpeakerFields(name="Ada once more"))
    assert refused.value.facts["speaker_id"] == ada.id
    assert len(inbox(keeping)) == 1
    with keeping.read() as db:
        assert len(speakers.page(db, galleries.get(keeping, KEEPING)).items) == 1
    done = promoted(keeping, unknown_id, SpeakerFields(name="Ada once more"), "voice_already_enrolled")
    assert (done.speaker.id != ada.id, done.utterances[0].accepted) == (True, ("voice_already_enrolled",))


def test_another_speakers_voice_is_refused(keeping: Engine) -> None:
    ben = add_speaker(keeping, "Ben", made_up(BEN), gallery=KEEPING)
    keep_recording(keeping, stranger(ADA))
    unknown_id = inbox(keeping)[0].id
    with pytest.raises(DoesNotMatchSpeaker):
        promoted(keeping, unknown_id, ben.id)
    assert promoted(keeping, unknown_id, ben.id, "does_not_match_speaker").speaker.utterances == 2


def test_the_same_bytes_twice_are_one_utterance(keeping: Engine) -> None:
    recordings = [keep_recording(keeping, stranger(ADA), audio="one meeting") for _ in range(2)]
    done = promoted(keeping, inbox(keeping)[0].id, SpeakerFields(name="Ada"))
    assert (done.recordings, len(done.utterances)) == (tuple(recordings), 1)
    assert [who(keeping, one) for one in recordings] == [done.speaker.id] * 2


def test_the_same_hearing_is_enrolled_once(keeping: Engine) -> None:
    """The recording came again after the promotion, and its voice was not recognized."""
    keep_recording(keeping, stranger(ADA), audio="one meeting")
    ada = promoted(keeping, inbox(keeping)[0].id, SpeakerFields(name="Ada")).speaker
    again = keep_recording(keeping, stranger(ADA), audio="one meeting")
    unknown_id = inbox(keeping)[0].id
    with pytest.raises(UtteranceElsewhere):
        promoted(keeping, unknown_id, SpeakerFields(name="Not Ada"), "voice_already_enrolled")
    assert promoted(keeping, unknown_id, ada.id).speaker.utterances == 1
    assert who(keeping, again) == ada.id


def test_erasing_a_recording_leaves_the_speaker_enrolled(keeping: Engine) -> None:
    recording = keep_recording(keeping, stranger(ADA))
    ada = promoted(keeping, inbox(keeping)[0].id, SpeakerFields(name="Ada")).speaker
    with keeping.write(erase=True) as db:
        db.delete(db.scalars(select(RecordingRow).where(RecordingRow.id == recording)).one())
    with keeping.read() as db:
        assert speakers.get(db, galleries.get(keeping, KEEPING), ada.id).utterances == 1
    assert left(keeping) == (0, 0)


@pytest.mark.parametrize(
    ("unknown", "into", "error"),
    [("unk_none", SpeakerFields(name="Ada"), UnknownVoiceNotFound), ("", "spk_none", SpeakerNotFound)],
)
def test_what_is_not_there(
    keeping: Engine, unknown: str, into: SpeakerFields | str, error: type[SpeakeridError]
) -> None:
    keep_recording(keeping, stranger(ADA))
    with pytest.raises(error):
        promoted(keeping, unknown or inbox(keeping)[0].id, into)
    assert len(details(keeping, inbox(keeping)[0].id).hearings) == 1


def test_a_voice_that_another_encoder_embedded(keeping: Engine, open_engine: EngineMaker, store_url: str) -> None:
    keep_recording(keeping, stranger(ADA))
    other = open_engine(store_url, encoder=FakeEncoder(dim=16))
    with pytest.raises(EncoderMismatch):
        promoted(other, inbox(keeping)[0].id, SpeakerFields(name="Ada"))


def test_a_voice_that_another_encoder_embedded_beside_speakers_of_this_one(
    keeping: Engine, open_engine: EngineMaker, store_url: str
) -> None:
    keep_recording(keeping, stranger(ADA))
    other = open_engine(store_url, encoder=FakeEncoder(dim=16))
    add_speaker(other, "Ben", made_up(np.eye(16, dtype=np.float32)[0]), gallery=KEEPING)
    unknown_id = inbox(keeping)[0].id
    with pytest.raises(EncoderMismatch, match=f"Unknown voice {unknown_id} .* dismiss it"):
        promoted(other, unknown_id, SpeakerFields(name="Ada"))
