"""Answers that rest on a part of the audio say so, and how much is missing; a level without speech is named."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import decode
from speakerid.errors import NotEnoughSpeech, TooLittleSpeech
from speakerid.services import probe as probes
from tests.audio.encode import encode
from tests.cases.write import damaged, sndfile
from tests.sampled import ADA, probe, utterance

VOICE = decode(probe(ADA))
WHOLE = encode("mp3", VOICE, 16_000, voice_hz=16_000)
DAMAGED = damaged(WHOLE, size=len(WHOLE) // 8)
LOST_S = (len(decode(WHOLE)) - len(decode(DAMAGED))) / 16_000
NEAR_S = 0.05  # by bytes, of frames of 36 ms


@pytest.fixture
def store_kind() -> str:
    """What is warned of has nothing to do with the store."""
    return "sqlite"


def test_identify_and_verify_say_what_was_lost(known: SpeakerID) -> None:
    for answer in (known.identify(DAMAGED), known.verify(ADA, DAMAGED)):
        assert answer.decision == "accept"
        assert answer.warnings == ("audio_lost",)
        assert answer.lost_seconds == pytest.approx(LOST_S, abs=NEAR_S)


def test_an_enrollment_says_what_was_lost(known: SpeakerID) -> None:
    answer = known.enroll("Eve", DAMAGED, accept="voice_already_enrolled")
    assert "audio_lost" in answer.warnings
    assert answer.lost_seconds == pytest.approx(LOST_S, abs=NEAR_S)


def test_an_enrollment_of_one_channel_says_what_was_lost(known: SpeakerID) -> None:
    stereo = encode("mp3", VOICE, 16_000, 2, voice_hz=16_000)
    answer = known.enroll("Eve", damaged(stereo, size=len(stereo) // 8), channel=1, accept="voice_already_enrolled")
    assert "audio_lost" in answer.warnings
    assert answer.lost_seconds > 0.5


def test_an_embedding_says_what_was_lost(known: SpeakerID) -> None:
    answer = probes.embed(known.engine, DAMAGED)
    assert (answer.warnings, answer.lost_seconds > 0.0) == (("audio_lost",), True)


def test_a_recording_says_what_was_lost(known: SpeakerID) -> None:
    answer = known.recording(DAMAGED)
    assert answer.warnings == ("audio_lost",)
    assert answer.lost_seconds == pytest.approx(LOST_S, abs=NEAR_S)


def test_of_a_whole_file_nothing_is_said(known: SpeakerID) -> None:
    for answer in (known.identify(WHOLE), known.verify(ADA, WHOLE), known.recording(WHOLE)):
        assert (answer.warnings, answer.lost_seconds) == ((), 0.0)


def test_a_level_without_speech_is_named(known: SpeakerID) -> None:
    faint = sndfile(1e-6 * decode(utterance(ADA)), "WAV", "FLOAT")
    answer = known.identify(faint)
    assert answer.decision == "not_enough_speech"
    assert "below full scale" in answer.reason
    with pytest.raises(NotEnoughSpeech, match="below full scale"):
        probes.embed(known.engine, faint)
    with pytest.raises(TooLittleSpeech, match="below full scale"):
        known.enroll("Eve", faint)


def test_of_digital_silence_no_level_is_told(known: SpeakerID) -> None:
    answer = known.identify((np.zeros(32_000, np.int16), 16_000))
    assert answer.decision == "not_enough_speech"
    assert "full scale" not in answer.reason
