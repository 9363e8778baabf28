"""One side of a call is picked in every format, for every verb."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import decode
from speakerid.errors import NoSuchChannel
from speakerid.services import probe as probes
from tests.cases.ogg import opus
from tests.cases.riff import s24_in_32
from tests.cases.write import ffmpeg, sndfile, wav
from tests.sampled import ADA, BEN, probe

SIZE = 5 * 16_000
CALL = np.stack([decode(probe(BEN))[:SIZE], decode(probe(ADA))[:SIZE]])
CALLS = {
    "wav": wav(CALL),
    "wav that goes on": wav(CALL, announced=64_000),
    "joined wav": wav(CALL[:, : SIZE // 2]) + wav(CALL[:, SIZE // 2 :]),
    "aiff": sndfile(CALL, "AIFF", "PCM_16"),
    "au": sndfile(CALL, "AU", "PCM_16"),
    "mov": ffmpeg("mov", "pcm_s16le", CALL),
    "wma": ffmpeg("asf", "wmav2", CALL, hz=44_100),
    "ogg chain": opus(CALL[:, : SIZE // 2]) + opus(CALL[:, SIZE // 2 :]),
    "3gp": ffmpeg("3gp", "aac", CALL, hz=48_000),
}


@pytest.fixture
def store_kind() -> str:
    """What is picked has nothing to do with the store."""
    return "sqlite"


@pytest.mark.parametrize("name", CALLS)
def test_each_side_is_its_speaker(known: SpeakerID, name: str) -> None:
    for channel, speaker in enumerate((BEN, ADA)):
        answer = known.identify(CALLS[name], channel=channel)
        assert answer.speaker is not None
        assert answer.speaker.name == speaker
        assert known.verify(speaker, CALLS[name], channel=channel).decision == "accept"
        assert probes.embed(known.engine, CALLS[name], channel).speech.seconds > 2.0
        assert known.enroll(speaker, CALLS[name], channel=channel).speaker.name == speaker


@pytest.mark.parametrize("name", CALLS)
def test_a_channel_that_is_not_there_is_named(known: SpeakerID, name: str) -> None:
    with pytest.raises(NoSuchChannel):
        known.identify(CALLS[name], channel=2)


def test_a_mono_part_of_a_chain_is_every_side(known: SpeakerID) -> None:
    call = opus(CALL[:, : SIZE // 2]) + opus(CALL[1, SIZE // 2 :])
    answer = known.identify(call, channel=1)
    assert answer.speaker is not None
    assert answer.speaker.name == ADA
    assert known.recording(call, channel="split").seconds == pytest.approx(SIZE / 16_000, abs=0.05)


def test_a_file_of_one_channel_has_one(known: SpeakerID) -> None:
    with pytest.raises(NoSuchChannel):
        known.identify(s24_in_32(CALL[0]), channel=1)
