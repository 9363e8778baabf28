"""The enrollment coach: what it answers, what it refuses, what can be overridden, and that a refusal leaves nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from speakerid.audio.decode import as_wav, decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.db.models import IndexChangeRow, UtteranceRow
from speakerid.db.repositories import voiceprints as repository
from speakerid.errors import (
    DoesNotMatchSpeaker,
    EnrollmentRefused,
    InvalidRequest,
    MoreThanOneVoice,
    TooLittleSpeech,
    VoiceAlreadyEnrolled,
)
from speakerid.scoring.coach import UNFITTED
from speakerid.services import coach, galleries, speakers, validation
from speakerid.services.engine import Engine
from speakerid.services.enroll import NOTHING
from speakerid.services.galleries import GallerySettings
from speakerid.services.probe import Probe
from speakerid.services.validation import EVERY_REFUSAL
from speakerid.types import Enrollment, EnrollmentRefusal, Utterance
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services.enrolled import (
    SPEECH,
    add_gallery,
    add_speaker,
    enroll_voice,
    erase_speaker,
    made_up,
    near,
    probe_of,
)


def ask(engine: Engine, speaker_id: str, voice: Probe, *accept: str) -> Enrollment:
    return enroll_voice(engine, speaker_id, voice, accepted=validation.accepted(accept))


def rows(engine: Engine) -> tuple[int, ...]:
    with engine.read() as db:
        return tuple(db.scalar(select(func.count()).select_from(one)) or 0 for one in (UtteranceRow, IndexChangeRow))


def listed(engine: Engine, speaker_id: str) -> tuple[Utterance, ...]:
    with engine.read() as db:
        return speakers.list_utterances(db, galleries.get(engine, "default"), speaker_id).items


def conversation() -> bytes:
    """Ada, then Ben."""
    return as_wav((np.concatenate([decode(utterance(ADA)), decode(utterance(BEN))]), SAMPLE_RATE_HZ))


def test_every_refusal_has_its_error() -> None:
    assert {code: error.code for code, error in coach.ERRORS.items()} == {code: code for code in EVERY_REFUSAL}


def test_the_first_utterance_has_nothing_to_agree_with(engine: Engine) -> None:
    done = ask(engine, add_speaker(engine, "Ada").id, probe_of(engine, utterance(ADA)))
    assert (done.cohesion, done.similar_speaker, done.warnings) == (None, None, ())
    assert (done.utterance.voices, done.utterance.accepted) == (1, ())


def test_the_next_is_compared_with_the_voiceprint_of_the_others(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA, 0)), probe_of(engine, utterance(ADA, 1)))
    voice, gallery = probe_of(engine, utterance(ADA, 2)), galleries.get(engine, "default")
    with engine.read() as db:
        key = speakers.by_name_or_id(db, gallery, ada.id).key
        before = repository.with_voice(db, gallery.key, [key])
    expected = float(voice.require() @ before[0].embedding)
    found = ask(engine, ada.id, voice).cohesion
    assert found is not None
    assert found.score == pytest.approx(expected)
    assert found.llr == pytest.approx(engine.calibration.slope * expected + engine.calibration.intercept)


def test_another_speakers_file_is_refused_and_leaves_nothing(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA)))
    before = rows(engine)
    with pytest.raises(DoesNotMatchSpeaker, match="accept=does_not_match_speaker") as caught:
        ask(engine, ada.id, probe_of(engine, utterance(BEN)))
    given = caught.value.review
    assert given.refusals == ("does_not_match_speaker",)
    assert given.cohesion is not None
    assert given.cohesion.llr is not None
    assert given.cohesion.llr < engine.limits.match_llr.refuse
    assert rows(engine) == before


def test_what_is_accepted_is_enrolled_and_remembered(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA)))
    done = ask(engine, ada.id, probe_of(engine, utterance(BEN)), "does_not_match_speaker", "clipped")
    assert done.utterance.accepted == ("does_not_match_speaker",)
    assert "weak_match" not in done.warnings
    assert [one.accepted for one in listed(engine, ada.id)] == [(), ("does_not_match_speaker",)]


def test_accepting_a_fault_that_is_not_there_changes_nothing(engine: Engine) -> None:
    done = enroll_voice(engine, add_speaker(engine, "Ada").id, probe_of(engine, utterance(ADA)), accepted=EVERY_REFUSAL)
    assert (done.utterance.accepted, done.warnings) == ((), ())


def test_a_voice_with_another_name_is_refused_with_the_first(engine: Engine) -> None:
    ada, eve = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA, 0))), add_speaker(engine, "Eve")
    before = rows(engine)
    with pytest.raises(VoiceAlreadyEnrolled, match=ada.id) as caught:
        ask(engine, eve.id, probe_of(engine, utterance(ADA, 1)))
    assert caught.value.facts["speaker_id"] == caught.value.review.similar_speaker == ada.id
    assert rows(engine) == before


def test_a_voice_that_has_two_names_on_purpose_may_go_on(engine: Engine) -> None:
    ada, eve = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA, 0))), add_speaker(engine, "Eve")
    done = ask(engine, eve.id, probe_of(engine, utterance(ADA, 1)), "voice_already_enrolled")
    assert done.utterance.accepted == ("voice_already_enrolled",)
    more = ask(engine, eve.id, probe_of(engine, utterance(ADA, 2)))
    assert (more.warnings, more.similar_speaker, more.utterance.accepted) == (("similar_voice",), ada.id, ())


def test_other_people_are_no_one_else(engine: Engine) -> None:
    add_speaker(engine, "Ada", probe_of(engine, utterance(ADA)))
    done = ask(engine, add_speaker(engine, "Cleo").id, probe_of(engine, stranger()))
    assert (done.similar_speaker, done.warnings) == (None, ())


def test_the_same_voice_in_another_gallery_is_no_ones_business(engine: Engine) -> None:
    add_gallery(engine, "other")
    add_speaker(engine, "Ada", probe_of(engine, utterance(ADA, 0), "other"), gallery="other")
    done = ask(engine, add_speaker(engine, "Ada").id, probe_of(engine, utterance(ADA, 1)))
    assert (done.similar_speaker, done.warnings) == (None, ())


def test_a_speaker_erased_since_the_recording_was_diarized_is_not_named(engine: Engine) -> None:
    ada, eve = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA, 0))), add_speaker(engine, "Eve")
    voice = probe_of(engine, utterance(ADA, 1))
    assert voice.near is not None
    assert len(voice.near.keys) == 1
    erase_speaker(engine, ada.id)
    assert ask(engine, eve.id, voice).similar_speaker is None


def test_two_voices_in_one_file_are_found(engine: Engine) -> None:
    voice = probe_of(engine, conversation())
    with pytest.raises(MoreThanOneVoice) as caught:
        ask(engine, add_speaker(engine, "Ada").id, voice)
    assert caught.value.review.voices == 2
    done = ask(engine, add_speaker(engine, "Both").id, voice, "more_than_one_voice")
    assert (done.utterance.voices, done.utterance.accepted) == (2, ("more_than_one_voice",))


@pytest.mark.parametrize("voice", [ADA, BEN])
def test_one_voice_is_one(engine: Engine, voice: str) -> None:
    outcome = [probe_of(engine, audio) for audio in (*(utterance(voice, number) for number in range(3)), probe(voice))]
    assert [engine.limits.count(one.voices_llr) for one in outcome] == [1] * 4


BAD: dict[EnrollmentRefusal, Probe] = {
    "too_little_speech": made_up(unit(1), speech=replace(SPEECH, seconds=0.9)),
    "clipped": made_up(unit(1), speech=replace(SPEECH, clipping_ratio=0.6)),
}


@pytest.mark.parametrize("code", BAD)
def test_bad_audio_is_refused_unless_accepted(engine: Engine, code: EnrollmentRefusal) -> None:
    ada = add_speaker(engine, "Ada")
    before = rows(engine)
    with pytest.raises(coach.ERRORS[code], match=f"accept={code}"):
        ask(engine, ada.id, BAD[code])
    assert rows(engine) == before
    assert ask(engine, ada.id, BAD[code], code).utterance.accepted == (code,)


def test_what_the_encoder_cannot_embed_cannot_be_accepted(engine: Engine) -> None:
    with pytest.raises(TooLittleSpeech, match=r"Found 0\.00 s of speech, at least 1\.00 s") as caught:
        enroll_voice(engine, add_speaker(engine, "Ada").id, probe_of(engine, silence()), accepted=EVERY_REFUSAL)
    assert "accept=" not in str(caught.value)


def test_the_gallery_states_how_much_speech_is_needed(engine: Engine) -> None:
    add_gallery(engine, "patient", GallerySettings(min_speech_seconds=30.0))
    ada = add_speaker(engine, "Ada", gallery="patient")
    with pytest.raises(TooLittleSpeech, match=r"at least 30\.00 s"):
        enroll_voice(engine, ada.id, probe_of(engine, utterance(ADA), "patient"), "patient", NOTHING)


def test_what_falls_just_short_does_not_read_as_enough(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    short = made_up(unit(1), speech=replace(SPEECH, seconds=0.9992))
    with pytest.raises(TooLittleSpeech, match=r"Found 0\.99 s of speech, at least 1\.00 s"):
        ask(engine, ada.id, short)
    assert short.shortage.startswith("Found 0.99 s")


def test_several_faults_are_reported_at_once_and_all_have_to_be_accepted(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    worst = made_up(near(unit(1), 0.0), speech=replace(SPEECH, seconds=0.9, clipping_ratio=0.6))
    every = "too_little_speech,clipped,does_not_match_speaker"
    with pytest.raises(TooLittleSpeech, match=f"accept={every}\\."):
        ask(engine, ada.id, worst)
    with pytest.raises(DoesNotMatchSpeaker, match=f"accept={every}\\.") as caught:
        ask(engine, ada.id, worst, "too_little_speech,clipped")
    assert ",".join(caught.value.review.refusals) == every
    assert ask(engine, ada.id, worst, every).utterance.accepted == tuple(every.split(","))


def test_the_same_bytes_again_stay_as_they_are(engine: Engine) -> None:
    """Whatever is wrong with them."""
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    bad = made_up(near(unit(1), 0.0), speech=replace(SPEECH, clipping_ratio=0.6))
    first = ask(engine, ada.id, bad, "clipped", "does_not_match_speaker")
    before = rows(engine)
    again = ask(engine, ada.id, bad)
    assert again == replace(first, already_enrolled=True)
    assert again.utterance.accepted == ("clipped", "does_not_match_speaker")
    assert rows(engine) == before


def test_a_telephone_among_studio_recordings_is_remarked_on(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    call = made_up(near(unit(1), 0.99), speech=replace(SPEECH, bandwidth_hz=4000))
    assert ask(engine, ada.id, call, "does_not_match_speaker").warnings == ("narrow_band", "bandwidth_differs")


def test_with_an_encoder_without_a_fit_nothing_is_refused(open_engine: EngineMaker, store_url: str) -> None:
    engine = open_engine(store_url, calibrated=False)
    assert engine.limits == UNFITTED
    ada, ben = add_speaker(engine, "Ada", probe_of(engine, utterance(ADA))), add_speaker(engine, "Ben")
    done = ask(engine, ada.id, probe_of(engine, conversation()))
    assert (done.utterance.voices, done.utterance.accepted) == (None, ())
    assert ask(engine, ben.id, probe_of(engine, probe(ADA))).warnings == ("similar_voice",)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", set()),
        (" , ", set()),
        ("clipped", {"clipped"}),
        ("clipped, too_little_speech", {"clipped", "too_little_speech"}),
        (("clipped", "clipped,more_than_one_voice"), {"clipped", "more_than_one_voice"}),
        ((), set()),
    ],
)
def test_accept_is_codes_or_a_text_of_them(given: str | tuple[str, ...], meant: set[str]) -> None:
    assert validation.accepted(given) == meant


@pytest.mark.parametrize("given", ["everything", "Clipped", "clipped;noisy", "clipped,nonsense", ("all",), "\0"])
def test_accept_of_an_unknown_code_is_an_error(given: str | tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="more_than_one_voice"):
        validation.accepted(given)


def test_a_refusal_states_everything_as_json(engine: Engine) -> None:
    with pytest.raises(EnrollmentRefused) as caught:
        ask(engine, add_speaker(engine, "Ada").id, BAD["clipped"])
    assert caught.value.facts == {
        "review": {
            "speech": {"seconds": 4.0, "snr_db": 30.0, "clipping_ratio": 0.6, "bandwidth_hz": 8000},
            "needed_speech_seconds": 1.0,
            "voices": None,
            "cohesion": None,
            "similar_speaker": None,
            "refusals": ["clipped"],
            "warnings": [],
        }
    }
