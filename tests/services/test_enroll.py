"""Enrolling: what it answers, what it refuses, what it leaves behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import func, select

from speakerid.audio.decode import decode
from speakerid.db.models import IndexChangeRow, SpeakerRow, UtteranceRow
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderMismatch, TooLittleSpeech, UtteranceElsewhere, UtteranceNotFound
from speakerid.scoring.cosine import voiceprint
from speakerid.services import coach, galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.galleries import GallerySettings
from speakerid.types import Enrollment, EnrollmentRefusal, FloatArray
from tests.audio.encode import encode
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, silence, utterance
from tests.services.enrolled import add_gallery, add_speaker, enroll_voice, made_up, probe_of


def rows(engine: Engine) -> dict[str, int]:
    """How many rows there are of everything that enrolling writes."""
    with engine.read() as db:
        models = (SpeakerRow, UtteranceRow, IndexChangeRow)
        return {model.__name__: db.scalar(select(func.count()).select_from(model)) or 0 for model in models}


def voiceprint_of(engine: Engine, speaker_id: str) -> FloatArray | None:
    with engine.read() as db:
        return db.scalars(select(SpeakerRow).where(SpeakerRow.id == speaker_id)).one().voiceprint


def test_statuses_follow_the_seconds_of_speech(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    assert (ada.status, ada.utterances, ada.remaining_speech_seconds) == ("new", 0, 10.0)
    seen = [enroll_voice(engine, ada.id, made_up(unit(n))).speaker for n in range(3)]
    assert [one.status for one in seen] == ["enrolling", "enrolling", "enrolled"]
    assert [one.remaining_speech_seconds for one in seen] == [6.0, 2.0, 0.0]
    assert [one.speech_seconds for one in seen] == [4.0, 8.0, 12.0]


def test_the_voiceprint_is_the_mean_of_all_utterances(engine: Engine) -> None:
    vectors = np.stack([unit(n) for n in range(3)])
    ada = add_speaker(engine, "Ada", *(made_up(vector) for vector in vectors))
    found = voiceprint_of(engine, ada.id)
    assert found is not None
    np.testing.assert_array_equal(found, voiceprint(vectors))


def test_the_same_bytes_again_change_nothing(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    before = rows(engine)
    again = enroll_voice(engine, ada.id, made_up(unit(1)))
    assert (again.already_enrolled, again.speaker) == (True, ada)
    assert rows(engine) == before


def test_the_same_bytes_again_bring_the_audio_that_a_gallery_keeps_by_now(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1), b"as sent"))
    with engine.write() as db:
        galleries.update(engine, db, "default", GallerySettings(keep_audio=True))
    assert enroll_voice(engine, ada.id, made_up(unit(1), b"as sent")).already_enrolled
    with engine.read() as db:
        assert db.scalars(select(UtteranceRow.audio)).all() == [b"as sent"]


def test_the_same_bytes_for_another_speaker_are_refused(engine: Engine) -> None:
    ada, ben = add_speaker(engine, "Ada", made_up(unit(1))), add_speaker(engine, "Ben")
    before = rows(engine)
    with pytest.raises(UtteranceElsewhere) as caught:
        enroll_voice(engine, ben.id, made_up(unit(1)))
    assert caught.value.speaker_id == ada.id
    assert rows(engine) == before


def test_the_same_bytes_in_another_gallery_are_no_ones_business(engine: Engine) -> None:
    add_gallery(engine, "other")
    add_speaker(engine, "Ada", made_up(unit(1)))
    there = add_speaker(engine, "Ada", made_up(unit(1)), gallery="other")
    assert there.utterances == 1


def test_too_little_speech_leaves_nothing(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    before = rows(engine)
    with pytest.raises(TooLittleSpeech) as caught:
        enroll_voice(engine, ada.id, probe_of(engine, silence()))
    given = caught.value.review
    assert (given.speech.seconds, given.needed_speech_seconds) == (0.0, 1.0)
    assert rows(engine) == before


def test_a_recording_is_kept_only_where_the_gallery_wants_it(engine: Engine) -> None:
    add_gallery(engine, "keeping", GallerySettings(keep_audio=True))
    voice = probe_of(engine, utterance(ADA))
    add_speaker(engine, "Ada", voice)
    add_speaker(engine, "Ada", voice, gallery="keeping")
    with engine.read() as db:
        kept = {row[0]: row[1] for row in db.execute(select(UtteranceRow.gallery_key, UtteranceRow.audio))}
    wanted = {galleries.get(engine, "default").key: None, galleries.get(engine, "keeping").key: utterance(ADA)}
    assert kept == wanted


def test_erasing_an_utterance_recomputes_the_voiceprint(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    first = enroll_voice(engine, ada.id, made_up(unit(1)))
    second = enroll_voice(engine, ada.id, made_up(unit(2)))
    gallery = galleries.get(engine, "default")
    with engine.write(erase=True) as db:
        left = speakers.delete_utterance(db, gallery, ada.id, first.utterance.id)
    assert (left.utterances, left.speech_seconds, left.status) == (1, 4.0, "enrolling")
    np.testing.assert_array_equal(voiceprint_of(engine, ada.id), voiceprint(unit(2)[None]))
    with engine.write(erase=True) as db:
        left = speakers.delete_utterance(db, gallery, ada.id, second.utterance.id)
    assert (left.utterances, left.status, voiceprint_of(engine, ada.id)) == (0, "new", None)
    assert engine.indexes.search(gallery.key, unit(2), 5).keys == ()


def test_an_utterance_of_another_speaker_cannot_be_erased(engine: Engine) -> None:
    ada, ben = add_speaker(engine, "Ada"), add_speaker(engine, "Ben")
    hers = enroll_voice(engine, ada.id, made_up(unit(1))).utterance.id
    with pytest.raises(UtteranceNotFound), engine.write() as db:
        speakers.delete_utterance(db, galleries.get(engine, "default"), ben.id, hers)


def test_concurrent_enrollments_of_one_speaker_all_count(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    vectors = [unit(n) for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda vector: enroll_voice(engine, ada.id, made_up(vector)), vectors))
    found = voiceprint_of(engine, ada.id)
    assert found is not None
    np.testing.assert_allclose(found, voiceprint(np.stack(vectors)), atol=1e-6)
    assert rows(engine) == {"SpeakerRow": 1, "UtteranceRow": 16, "IndexChangeRow": 16}


def test_the_same_bytes_sent_at_once_are_enrolled_once(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: enroll_voice(engine, ada.id, made_up(unit(1))), range(8)))
    assert sorted(one.already_enrolled for one in done) == [False] + [True] * 7
    assert rows(engine) == {"SpeakerRow": 1, "UtteranceRow": 1, "IndexChangeRow": 1}


def test_another_encoder_is_refused_where_a_speaker_is_enrolled(open_engine: EngineMaker, store_url: str) -> None:
    ada = add_speaker(open_engine(store_url), "Ada", made_up(unit(1)))
    other = open_engine(store_url, encoder=FakeEncoder(dim=48), calibrated=False)
    before = rows(other)
    with pytest.raises(EncoderMismatch, match="default"):
        enroll_voice(other, ada.id, made_up(unit(1, 48)))
    assert rows(other) == before


def test_an_empty_gallery_follows_the_running_encoder(open_engine: EngineMaker, store_url: str) -> None:
    first = open_engine(store_url)
    ada = add_speaker(first, "Ada", made_up(unit(1)))
    gallery = galleries.get(first, "default")
    with first.write() as db:
        speakers.delete(db, gallery, ada.id)
    other = open_engine(store_url, encoder=FakeEncoder(dim=48), calibrated=False)
    add_speaker(other, "Ben", made_up(unit(2, 48)))
    assert galleries.get(other, "default").encoder_fingerprint == FakeEncoder(dim=48).fingerprint
    with pytest.raises(EncoderMismatch):
        add_speaker(first, "Cleo", made_up(unit(3)))


def test_one_take_in_several_encodings_counts_once(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    take = decode(utterance(ADA))
    files = [encode(name, take, 48_000, voice_hz=16_000) for name in ("wav-s16", "mp3", "m4a-aac")]
    first, *again = [enrolled(engine, ada.id, file) for file in files]
    assert (first.already_enrolled, first.speaker.utterances) == (False, 1)
    for one in again:
        assert (one.already_enrolled, one.utterance.id, one.speaker) == (True, first.utterance.id, first.speaker)
        assert "same_take" in one.warnings
        assert one.cohesion is None  # it is not compared with itself
    other = enrolled(engine, ada.id, utterance(ADA, 1))
    assert (other.already_enrolled, other.speaker.utterances) == (False, 2)
    assert "same_take" not in other.warnings


def test_long_recordings_with_one_beginning_are_two_takes(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    beginning, rest = ([decode(utterance(voice, nth)) for nth in range(3)] for voice in (ADA, BEN))
    takes = [np.concatenate([*beginning, *order]) for order in (rest, rest[::-1])]
    wav, mp3, other = (
        encode(name, take, 48_000, voice_hz=16_000)
        for name, take in (("wav-s16", takes[0]), ("mp3", takes[0]), ("wav-s16", takes[1]))
    )
    accepted: tuple[EnrollmentRefusal, ...] = ("more_than_one_voice", "does_not_match_speaker")
    found = [enrolled(engine, ada.id, file, accepted) for file in (wav, mp3, other)]
    assert [one.already_enrolled for one in found] == [False, True, False]
    assert found[-1].speaker.utterances == 2


def test_one_take_may_be_enrolled_again_once_the_first_is_gone(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    first = enrolled(engine, ada.id, encode("wav-s16", decode(utterance(ADA)), 16_000, voice_hz=16_000))
    gallery = galleries.get(engine, "default")
    with engine.write() as db:
        speakers.delete_utterance(db, gallery, ada.id, first.utterance.id)
    again = enrolled(engine, ada.id, encode("mp3", decode(utterance(ADA)), 44_100, voice_hz=16_000))
    assert (again.already_enrolled, again.speaker.utterances) == (False, 1)


def test_one_take_under_two_speakers_is_left_to_the_coach(engine: Engine) -> None:
    """Whose recording it is, is another question than whether it counts twice."""
    ada, ben = add_speaker(engine, "Ada"), add_speaker(engine, "Ben")
    enrolled(engine, ada.id, encode("wav-s16", decode(utterance(ADA)), 16_000, voice_hz=16_000))
    again = encode("mp3", decode(utterance(ADA)), 44_100, voice_hz=16_000)
    assert enrolled(engine, ben.id, again, accept=("voice_already_enrolled",)).already_enrolled is False


def enrolled(engine: Engine, speaker_id: str, audio: bytes, accept: tuple[EnrollmentRefusal, ...] = ()) -> Enrollment:
    probe = coach.prepare(engine, galleries.get(engine, "default"), audio)
    with engine.write() as db:
        return enroll(engine, db, "default", speaker_id, probe, frozenset(accept))
