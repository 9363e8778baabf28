"""Identify and verify: every decision, and the shape of their answers."""

from __future__ import annotations

import pytest

from speakerid import SpeakerID
from speakerid.diarization.naming import Named
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderMismatch, NoVoiceprint, SpeakerNotFound
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.identify import identify
from speakerid.services.judge import _reason
from speakerid.services.verify import verify
from speakerid.types import Candidate, Identification, SpeakerRef, Verification, to_json
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance
from tests.services.enrolled import add_gallery, add_speaker, erase_speaker, made_up, near, probe_of


def ask(engine: Engine, audio: bytes, gallery: str = "default", top_k: int = 5) -> Identification:
    return identify(engine, galleries.get(engine, gallery), audio, top_k=top_k)


def check(engine: Engine, speaker_id: str, audio: bytes) -> Verification:
    return verify(engine, galleries.get(engine, "default"), speaker_id, audio)


def enroll_samples(engine: Engine, *voices: str) -> None:
    for voice in voices:
        add_speaker(engine, voice, *(probe_of(engine, utterance(voice, n)) for n in range(2)))


def test_a_known_voice_is_accepted(engine: Engine) -> None:
    enroll_samples(engine, ADA, BEN)
    answer = ask(engine, probe(ADA))
    assert answer.decision == "accept"
    assert answer.speaker == answer.candidates[0].speaker
    assert answer.speaker is not None
    assert answer.speaker.name == ADA
    assert answer.threshold is not None
    assert answer.candidates[0].llr >= answer.threshold.llr
    assert "reaches" in answer.reason


def test_a_stranger_is_unknown(engine: Engine) -> None:
    enroll_samples(engine, ADA, BEN)
    answer = ask(engine, stranger())
    assert (answer.decision, answer.speaker) == ("unknown", None)
    assert answer.threshold is not None
    assert answer.candidates[0].llr < answer.threshold.llr
    assert "below" in answer.reason


def test_an_llr_just_below_the_threshold_does_not_read_like_it() -> None:
    candidate = Candidate(speaker=SpeakerRef("spk_1", "Ada"), score=0.5, llr=3.46, probability=0.4)
    reason = _reason(Named("unknown", None), [candidate], None, 3.53)
    assert reason == "The llr, 3.460, stays below the threshold of 3.530."


def test_silence_is_not_enough_speech(engine: Engine) -> None:
    enroll_samples(engine, ADA)
    answer = ask(engine, silence())
    assert (answer.decision, answer.speaker, answer.candidates) == ("not_enough_speech", None, ())
    assert (answer.threshold, answer.margin) == (None, None)
    assert answer.reason == "Found 0.00 s of speech; 1.00 s are needed."


def test_an_empty_gallery_has_no_speakers(engine: Engine) -> None:
    add_speaker(engine, "Ada")  # without a voice
    answer = ask(engine, probe(ADA))
    assert (answer.decision, answer.speaker, answer.candidates, answer.threshold) == ("no_speakers", None, (), None)


def test_two_speakers_too_close_to_call_are_ambiguous(engine: Engine) -> None:
    outcome = probe_of(engine, probe(ADA)).require()
    add_speaker(engine, "Ada", made_up(near(outcome, 0.99, seed=1)))
    add_speaker(engine, "Her twin", made_up(near(outcome, 0.985, seed=2)))
    answer = ask(engine, probe(ADA))
    assert (answer.decision, answer.speaker) == ("ambiguous", None)
    assert answer.margin is not None
    assert 0 < answer.margin < engine.policy.ambiguous_margin_llr
    assert [one.speaker.name for one in answer.candidates] == ["Ada", "Her twin"]


def test_the_margin_is_between_speakers_not_utterances(engine: Engine) -> None:
    outcome = probe_of(engine, probe(ADA)).require()
    add_speaker(engine, "Ada", *(made_up(near(outcome, 0.98, seed=n)) for n in range(4)))
    add_speaker(engine, "Ben", made_up(near(outcome, 0.3, seed=9)))
    answer = ask(engine, probe(ADA))
    assert len(answer.candidates) == 2
    assert answer.margin == answer.candidates[0].llr - answer.candidates[1].llr


def test_the_only_speaker_has_no_margin(engine: Engine) -> None:
    enroll_samples(engine, ADA)
    assert ask(engine, probe(ADA)).margin is None


@pytest.mark.parametrize(("top_k", "listed"), [(1, 1), (3, 3), (100, 20)])
def test_top_k_bounds_the_list_and_nothing_else(engine: Engine, top_k: int, listed: int) -> None:
    outcome = probe_of(engine, probe(ADA)).require()
    for number in range(20):
        add_speaker(engine, f"Speaker {number}", made_up(near(outcome, 0.5 - number / 50, seed=number)))
    answer = ask(engine, probe(ADA), top_k=top_k)
    assert [one.speaker.name for one in answer.candidates] == [f"Speaker {number}" for number in range(listed)]
    assert answer.margin == pytest.approx(ask(engine, probe(ADA)).margin)
    assert answer.threshold == ask(engine, probe(ADA)).threshold


def test_of_three_who_are_alike_none_is_likely(engine: Engine) -> None:
    outcome = probe_of(engine, probe(ADA)).require()
    for number in range(3):
        add_speaker(engine, f"Twin {number}", made_up(near(outcome, 0.97, seed=number)))
    answer = ask(engine, probe(ADA))
    assert answer.decision == "ambiguous"
    assert all(0.2 < one.probability < 0.5 for one in answer.candidates)


def test_the_answer_has_the_shape_that_was_promised(engine: Engine) -> None:
    add_gallery(engine, "strict", GallerySettings(target_fpir=0.001))
    for voice in (ADA, BEN):
        add_speaker(engine, voice, probe_of(engine, utterance(voice)), gallery="strict")
    answer = to_json(ask(engine, probe(ADA), "strict"))
    best = answer["candidates"][0]
    assert answer == {
        "decision": "accept",
        "speaker": {"id": best["speaker"]["id"], "name": ADA},
        "candidates": [best, answer["candidates"][1]],
        "margin": best["llr"] - answer["candidates"][1]["llr"],
        "threshold": {
            "llr": answer["threshold"]["llr"],
            "from": "target_fpir=0.001, gallery of 2, its own strangers' scores",
        },
        "prior": 0.5,
        "speech": answer["speech"],
        "encoder": f"fake@{FakeEncoder().fingerprint[:12]}",
        "calibration": "default",
        "reason": answer["reason"],
        "classes": [],
        "warnings": [],
        "lost_seconds": 0.0,
    }
    assert set(best) == {"speaker", "score", "llr", "probability"}
    assert set(answer["speech"]) == {"seconds", "snr_db", "clipping_ratio", "bandwidth_hz"}


def test_verify_distinguishes_the_speaker_from_others(engine: Engine) -> None:
    enroll_samples(engine, ADA)
    ada = ask(engine, probe(ADA)).candidates[0].speaker.id
    own, other, nothing = (check(engine, ada, audio) for audio in (probe(ADA), probe(BEN), silence()))
    assert (own.decision, other.decision, nothing.decision) == ("accept", "reject", "not_enough_speech")
    assert (nothing.score, nothing.llr, nothing.probability) == (None, None, None)
    assert own.probability is not None
    assert other.probability is not None
    assert own.probability > 0.9 > 0.1 > other.probability
    assert set(to_json(own)["threshold"]) == {"llr", "from"}


def test_verify_needs_a_voiceprint(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    with pytest.raises(NoVoiceprint, match="Ada"):
        check(engine, ada.id, probe(ADA))


def test_verify_needs_the_speaker(engine: Engine) -> None:
    with pytest.raises(SpeakerNotFound):
        check(engine, "spk_nobody", probe(ADA))


@pytest.mark.parametrize("dim", [32, 48])
def test_embeddings_of_another_encoder_are_never_compared(open_engine: EngineMaker, store_url: str, dim: int) -> None:
    first = open_engine(store_url)
    ada = add_speaker(first, "Ada", probe_of(first, utterance(ADA)))
    other = open_engine(store_url, encoder=_Renamed(dim=dim), calibrated=False)
    with pytest.raises(EncoderMismatch):
        ask(other, probe(ADA))
    with pytest.raises(EncoderMismatch):
        check(other, ada.id, probe(ADA))


def test_a_gallery_emptied_and_filled_by_another_encoder_is_not_compared(
    open_engine: EngineMaker, store_url: str
) -> None:
    """The first engine still holds an index of the old dimension."""
    first, other = open_engine(store_url), open_engine(store_url, encoder=FakeEncoder(dim=48))
    erase_speaker(first, add_speaker(first, "Ada", probe_of(first, utterance(ADA))).id)
    assert ask(first, probe(ADA)).decision == "no_speakers"
    add_speaker(other, "Ben", probe_of(other, utterance(BEN)))
    assert ask(other, probe(BEN)).candidates[0].speaker.name == "Ben"
    with pytest.raises(EncoderMismatch):
        ask(first, probe(BEN))
    assert first.indexes.lag() == 0


def test_an_empty_gallery_of_another_encoder_has_no_speakers(open_engine: EngineMaker, store_url: str) -> None:
    open_engine(store_url)
    other = open_engine(store_url, encoder=FakeEncoder(dim=48), calibrated=False)
    assert ask(other, probe(ADA)).decision == "no_speakers"


def test_an_encoder_without_a_fit_answers_by_the_prior(open_engine: EngineMaker, store_url: str) -> None:
    engine = open_engine(store_url, calibrated=False)
    enroll_samples(engine, ADA)
    answer = ask(engine, probe(ADA))
    assert (answer.calibration, answer.decision) == ("generic", "accept")
    assert answer.candidates[0].probability >= 0.5
    assert check(engine, answer.candidates[0].speaker.id, probe(ADA)).calibration == "generic"


def test_the_gallerys_own_target_moves_the_threshold(engine: Engine) -> None:
    add_gallery(engine, "strict", GallerySettings(target_fpir=0.001))
    outcome = probe_of(engine, utterance(ADA))
    add_speaker(engine, "Ada", outcome)
    add_speaker(engine, "Ada", outcome, gallery="strict")
    usual, strict = ask(engine, probe(ADA)).threshold, ask(engine, probe(ADA), "strict").threshold
    assert usual is not None
    assert strict is not None
    assert strict.llr > usual.llr


class _Renamed(FakeEncoder):
    """Other weights, so another fingerprint, whatever the dimension."""

    fingerprint = "f" * 64


def test_nobody_but_candidates_is_named(known: SpeakerID) -> None:
    """The one who is not asked about is a stranger then, and the threshold is that of a smaller gallery."""
    ben = known.speaker(BEN)
    all_, only, other = (known.identify(probe(ADA), candidates=names) for names in (None, [ADA], [ben.id]))
    assert all_.speaker == only.speaker is not None
    assert (other.decision, [one.speaker.name for one in other.candidates]) == ("unknown", [BEN])
    assert only.threshold is not None
    assert all_.threshold is not None
    assert only.threshold.llr <= all_.threshold.llr
    assert only.candidates[0].llr == all_.candidates[0].llr


def test_candidates_who_are_not_there(known: SpeakerID) -> None:
    with pytest.raises(SpeakerNotFound):
        known.identify(probe(ADA), candidates=[ADA, "Nobody"])
    assert known.identify(probe(ADA), candidates=[]).decision == "no_speakers"
