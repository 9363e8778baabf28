"""Who speaks when, through the real services with the fake encoder."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import as_wav, decode
from speakerid.audio.limits import DecodeLimits
from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    AudioTooLong,
    EmptyAudio,
    EncoderMismatch,
    FileMissing,
    GalleryNotFound,
    InvalidRequest,
    NoSuchChannel,
    SpeakerNotFound,
    TruncatedAudio,
    UnsupportedAudio,
)
from speakerid.types import FloatArray, Recording
from tests.audio.encode import encode, soundfile_bytes
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, silence

PAUSE = np.zeros(12_000, np.float32)


@pytest.fixture
def store_kind() -> str:
    """Nothing here writes, and what is read is read as identify reads it."""
    return "sqlite"


def talk(*voices: str) -> FloatArray:
    """Each says a whole recording, with pauses between."""
    outcome = [decode(probe(voice, nth % 2)) for nth, voice in enumerate(voices)]
    return np.concatenate([PAUSE, *(part for one in outcome for part in (one, PAUSE))])


CONVERSATION = talk(ADA, BEN, ADA, BEN)


def names(answer: Recording) -> list[str]:
    """Who speaks, one after another."""
    called = [turn.speaker.name if turn.speaker else turn.voice for turn in answer.turns]
    return [one for nth, one in enumerate(called) if nth == 0 or called[nth - 1] != one]


def test_two_known_speakers_take_turns(known: SpeakerID) -> None:
    answer = known.recording((CONVERSATION, 16_000))
    assert names(answer) == [ADA, BEN, ADA, BEN]
    assert answer.seconds == pytest.approx(len(CONVERSATION) / 16_000)
    assert [one.decision for one in answer.voices] == ["accept", "accept"]
    for turn, voice in zip(answer.turns[:1], answer.voices[:1], strict=True):
        assert (turn.llr, turn.probability) == (voice.candidates[0].llr, voice.candidates[0].probability)
        assert turn.voice == voice.voice == known.speakers()[0].id


def test_turns_lie_where_the_speech_is(known: SpeakerID) -> None:
    answer = known.recording((CONVERSATION, 16_000))
    first = decode(probe(ADA, 0))
    own = [turn for turn in answer.turns if turn.end <= (len(PAUSE) + len(first)) / 16_000 + 0.1]
    assert {turn.speaker.name for turn in own if turn.speaker} == {ADA}
    assert own[0].start >= len(PAUSE) / 16_000 - 0.1
    assert all(turn.start < turn.end for turn in answer.turns)
    assert list(answer.turns) == sorted(answer.turns, key=lambda turn: turn.start)


def test_no_one_enrolled_makes_everybody_unknown(sid: SpeakerID) -> None:
    answer = sid.recording((CONVERSATION, 16_000))
    assert names(answer) == ["unknown_1", "unknown_2", "unknown_1", "unknown_2"]
    assert {one.decision for one in answer.voices} == {"no_speakers"}
    assert all(turn.llr is None and turn.probability is None for turn in answer.turns)


def test_the_same_recording_gets_the_same_answer(known: SpeakerID) -> None:
    assert known.recording((CONVERSATION, 16_000)) == known.recording((CONVERSATION, 16_000))


def test_only_candidates_are_named(known: SpeakerID) -> None:
    answer = known.recording((CONVERSATION, 16_000), candidates=[BEN])
    assert names(answer) == ["unknown_1", BEN, "unknown_1", BEN]
    assert {c.speaker.name for voice in answer.voices for c in voice.candidates} == {BEN}
    with pytest.raises(SpeakerNotFound):
        known.recording((CONVERSATION, 16_000), candidates=["Nobody"])
    assert names(known.recording((CONVERSATION, 16_000), candidates=[])) == names_of_unknown()


def names_of_unknown() -> list[str]:
    return ["unknown_1", "unknown_2", "unknown_1", "unknown_2"]


def test_a_known_number_of_speakers_is_kept_to(known: SpeakerID) -> None:
    assert len(known.recording((CONVERSATION, 16_000), speakers=1).voices) == 1
    with pytest.raises(InvalidRequest):
        known.recording((CONVERSATION, 16_000), speakers=0)


def test_one_speaker_alone(known: SpeakerID) -> None:
    assert names(known.recording(probe(ADA))) == [ADA]


def test_each_side_of_a_call(known: SpeakerID) -> None:
    own, other = talk(ADA, ADA), talk(BEN, BEN)
    size = max(len(own), len(other))
    sides = np.stack([np.pad(one, (0, size - len(one))) for one in (own, other)])
    call = soundfile_bytes(sides.T, 16_000, "FLAC")
    answer = known.recording(call, channel="split", speakers=1)
    outcome = {turn.channel: turn.speaker.name for turn in answer.turns if turn.speaker}
    assert outcome == {0: ADA, 1: BEN}
    assert {one.channel for one in answer.voices} == {0, 1}
    assert names(known.recording(call, channel=1, speakers=1)) == [BEN]
    with pytest.raises(NoSuchChannel):
        known.recording(call, channel=2)


def test_one_person_on_both_channels_is_named_once(known: SpeakerID) -> None:
    same = talk(ADA, ADA)
    answer = known.recording((np.stack([same, same]), 16_000), channel="split", speakers=1)
    assert len(answer.voices) == 1  # samples are mixed; a file keeps its channels:
    answer = known.recording(soundfile_bytes(np.stack([same, same]).T, 16_000, "FLAC"), channel="split", speakers=1)
    assert sorted(one.decision for one in answer.voices) == ["accept", "unknown"]
    assert any("went to a voice" in one.reason for one in answer.voices)


def test_no_speech_is_an_empty_timeline(known: SpeakerID) -> None:
    for audio in (silence(), as_wav((np.zeros(16_000, np.float32), 16_000))):
        answer = known.recording(audio)
        assert (answer.turns, answer.voices, answer.speech_seconds) == ((), (), 0.0)
        assert answer.reason == "No speech was found."


def test_music_names_no_one(known: SpeakerID) -> None:
    seconds = np.arange(20 * 16_000) / 16_000
    chords = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220.0, 277.2, 329.6, 440.0))
    answer = known.recording(((0.1 * chords * (1 + np.sin(4 * np.pi * seconds))).astype(np.float32), 16_000))
    assert all(one.speaker is None for one in answer.voices)


@pytest.mark.parametrize(
    ("audio", "error"),
    [
        (b"", EmptyAudio),
        (b"<html></html>" * 50, UnsupportedAudio),
        (soundfile_bytes(CONVERSATION, 16_000, "FLAC")[:200_000], TruncatedAudio),
        ("/no/such/file.wav", FileMissing),
    ],
    ids=["empty", "html", "truncated", "missing"],
)
def test_bad_files_have_a_code(known: SpeakerID, audio: bytes | str, error: type[Exception]) -> None:
    with pytest.raises(error):
        known.recording(audio)


def test_too_long_is_refused(open_engine: EngineMaker, store_url: str) -> None:
    import dataclasses

    engine = dataclasses.replace(open_engine(store_url), long_audio=LongAudioReader(DecodeLimits(max_seconds=5.0)))
    with pytest.raises(AudioTooLong):
        SpeakerID(engine).recording(as_wav((CONVERSATION, 16_000)))


def test_a_gallery_has_to_be_there_and_of_this_encoder(
    known: SpeakerID, open_engine: EngineMaker, store_url: str
) -> None:
    with pytest.raises(GalleryNotFound):
        SpeakerID(known.engine, "team").recording((CONVERSATION, 16_000))
    other = SpeakerID(open_engine(store_url, encoder=FakeEncoder(dim=16)))
    with pytest.raises(EncoderMismatch):
        other.recording((CONVERSATION, 16_000))


def test_an_encoder_without_a_fit_answers_by_the_prior(open_engine: EngineMaker, store_url: str) -> None:
    answer = SpeakerID(open_engine(store_url, calibrated=False)).recording((CONVERSATION, 16_000))
    assert answer.calibration == "generic"


def test_the_work_is_reported_as_it_goes(known: SpeakerID) -> None:
    shown: list[tuple[float, float | None]] = []
    known.recording((CONVERSATION, 16_000), watch=lambda done, total: shown.append((done, total)))
    done, total = shown[-1]
    assert total is not None
    assert total == pytest.approx(len(CONVERSATION) / 16_000, rel=0.01)
    assert 0.5 * total < done <= 1.01 * total
    assert [one for one, _ in shown] == sorted(one for one, _ in shown)


def test_a_webm_without_a_duration(known: SpeakerID) -> None:
    data = encode("webm-opus", CONVERSATION, 48_000, voice_hz=16_000)
    at = data.index(b"\x44\x89\x88")  # the Duration element becomes a Void of the same size
    shown: list[float | None] = []
    answer = known.recording(data[:at] + b"\xec\x89" + data[at + 2 :], watch=lambda _, total: shown.append(total))
    assert names(answer) == [ADA, BEN, ADA, BEN]
    assert set(shown) == {None}
    assert answer.seconds == pytest.approx(len(CONVERSATION) / 16_000, abs=0.1)
