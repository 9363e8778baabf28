"""Who speaks in a stream, through the real services with the fake encoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import decode
from speakerid.audio.stream_decoder import StreamFormat
from speakerid.diarization.online.utterance import LONGEST
from speakerid.errors import (
    EncoderMismatch,
    GalleryNotFound,
    SpeakerNotFound,
    StreamIdle,
    StreamTooLong,
    UnsupportedAudio,
)
from speakerid.services import galleries
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.services.live.names import EarlyDecisionOptions
from speakerid.services.live.session import LivePolicy
from speakerid.services.speakers import CandidateFilter
from speakerid.types import FloatArray
from speakerid.types.live import Enough, Event, LiveTurn, Ready, StreamDone
from tests.audio.encode import cut
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, silence, stranger

PAUSE = np.zeros(12_000, np.float32)


@pytest.fixture
def store_kind() -> str:
    """Nothing here writes, and what is read is read as identify reads it."""
    return "sqlite"


def talk(*recordings: bytes, pause: FloatArray = PAUSE) -> bytes:
    parts = [part for one in recordings for part in (decode(one), pause)]
    return pcm(np.concatenate([pause, *parts]))


def pcm(samples: FloatArray) -> bytes:
    return (samples * np.float32(32_767.0)).astype("<i2").tobytes()


CONVERSATION = talk(probe(ADA), probe(BEN), probe(ADA, 1), probe(BEN, 1))


def events_of(sid: SpeakerID, audio: bytes, size: int = 3_200, **options: object) -> list[Event]:
    return list(listen(sid.engine, sid.gallery, cut(audio, size), LiveOptions(**options)))  # type: ignore[arg-type]  # of the types that its callers give


def finals(events: list[Event]) -> list[LiveTurn]:
    return [one for one in events if isinstance(one, LiveTurn) and one.final]


def names(events: list[Event]) -> list[str]:
    """Who speaks, one after another."""
    called = [turn.speaker.name if turn.speaker else turn.voice for turn in finals(events)]
    return [one for nth, one in enumerate(called) if nth == 0 or called[nth - 1] != one]


def test_known_speakers_take_turns(known: SpeakerID) -> None:
    events = events_of(known, CONVERSATION)
    assert isinstance(events[0], Ready)
    assert names(events) == [ADA, BEN, ADA, BEN]
    done = events[-1]
    assert isinstance(done, StreamDone)
    assert [one.speaker.name for one in done.voices if one.speaker] == [ADA, BEN]
    assert sorted(turn for one in done.voices for turn in one.turns) == [one.turn for one in finals(events)]
    assert done.speech_seconds == pytest.approx(sum(one.end - one.start for one in finals(events)), abs=0.01)
    assert done.seconds == pytest.approx(len(CONVERSATION) / 32_000, abs=0.01)


def test_it_agrees_with_the_whole_recording(known: SpeakerID) -> None:
    live = finals(events_of(known, CONVERSATION))
    offline = known.recording((np.frombuffer(CONVERSATION, "<i2"), 16_000)).turns
    middle = [next(t.speaker for t in offline if t.start <= (one.start + one.end) / 2 <= t.end) for one in live]
    assert [one.speaker for one in live] == middle


def test_every_turn_is_shown_before_it_is_final_and_final_once(known: SpeakerID) -> None:
    last: dict[int, LiveTurn] = {}
    for event in events_of(known, CONVERSATION):
        if isinstance(event, LiveTurn):
            assert event.turn not in last or not last[event.turn].final
            last[event.turn] = event
    assert all(one.final for one in last.values())


def test_answers_come_before_the_end(known: SpeakerID) -> None:
    """Each event within two seconds of the audio it speaks of."""
    sent = 0.0

    def messages() -> Iterator[bytes]:
        nonlocal sent
        for message in cut(CONVERSATION, 640):
            yield message
            sent += 0.02

    late = [sent - event.end for event in known.listen(messages()) if isinstance(event, LiveTurn)]
    assert len(late) > 20
    assert max(late) < 2.0


@pytest.mark.parametrize("size", [198, 10_000_000])
def test_how_messages_are_cut_makes_no_difference(known: SpeakerID, size: int) -> None:
    audio = CONVERSATION[:200_000]
    assert events_of(known, audio, size) == events_of(known, audio)


def test_without_enrollment_every_speaker_is_unknown(sid: SpeakerID) -> None:
    events = events_of(sid, CONVERSATION)
    assert names(events) == ["unknown_1", "unknown_2", "unknown_1", "unknown_2"]
    assert {one.decision for one in finals(events)} == {"no_speakers"}


def test_a_stranger_among_them(known: SpeakerID) -> None:
    events = events_of(known, talk(probe(ADA), stranger(0), probe(BEN), stranger(1)))
    assert names(events) == [ADA, "unknown_1", BEN, "unknown_1"]


def test_enough_comes_once_for_each_voice(known: SpeakerID) -> None:
    policy = LivePolicy(
        early_decision=EarlyDecisionOptions(margin_llr=1.0)
    )  # the fake encoder is never surer than that
    enough = [one for one in events_of(known, CONVERSATION, policy=policy) if isinstance(one, Enough)]
    assert [one.speaker.name for one in enough if one.speaker] == [ADA, BEN]
    assert all(one.speech_seconds < 6.0 for one in enough)


def test_only_candidates_are_named(known: SpeakerID) -> None:
    assert names(events_of(known, CONVERSATION, only=CandidateFilter((BEN,)))) == ["unknown_1", BEN, "unknown_1", BEN]
    assert names(events_of(known, CONVERSATION, only=CandidateFilter(()))) == [
        "unknown_1",
        "unknown_2",
        "unknown_1",
        "unknown_2",
    ]
    with pytest.raises(SpeakerNotFound):
        events_of(known, CONVERSATION, only=CandidateFilter(("Nobody",)))


@pytest.mark.parametrize(
    "audio", [b"", bytes(2), bytes(640_000), pcm(decode(silence()))], ids=["none", "a sample", "zeros", "silence"]
)
def test_no_speech(known: SpeakerID, audio: bytes) -> None:
    ready, done = events_of(known, audio)
    assert isinstance(ready, Ready)
    assert isinstance(done, StreamDone)
    assert (done.voices, done.speech_seconds) == ((), 0.0)


def test_the_end_in_the_middle_of_a_word(known: SpeakerID) -> None:
    events = events_of(known, talk(probe(ADA))[:120_000])
    assert names(events) == [ADA]
    assert finals(events)[-1].end == pytest.approx(120_000 / 32_000, abs=0.05)


def test_who_never_pauses_gets_turns_all_the_same(known: SpeakerID) -> None:
    speech = decode(probe(ADA))[6_000:-8_000]
    events = events_of(known, pcm(np.tile(speech, 1 + 3 * LONGEST // len(speech))))
    assert names(events) == [ADA]
    assert len(finals(events)) > 2
    assert max(one.end - one.start for one in finals(events)) < LONGEST / 16_000 + 1.0


def test_another_speaker_without_a_pause(known: SpeakerID) -> None:
    both = [decode(probe(ADA))[8_000:-10_000], decode(probe(BEN))[8_000:-10_000]]
    events = events_of(known, pcm(np.concatenate(both)))
    assert names(events) == [ADA, BEN]
    border = next(one.start for one in finals(events) if one.speaker and one.speaker.name == BEN)
    assert border == pytest.approx(len(both[0]) / 16_000, abs=1.0)


def test_who_is_erased_meanwhile_is_not_named_any_more(known: SpeakerID) -> None:
    def messages() -> Iterator[bytes]:
        yield talk(probe(ADA))
        known.delete(ADA)
        yield talk(probe(ADA, 1))

    found = finals(list(known.listen(messages())))
    assert found[0].speaker is not None
    assert found[-1].speaker is None


def test_a_gallery_that_is_erased_meanwhile(known: SpeakerID) -> None:
    with known.engine.write() as db:
        galleries.create(known.engine, db, "team")

    def messages() -> Iterator[bytes]:
        yield talk(probe(ADA))
        with known.engine.write(erase=True) as db:
            galleries.delete(db, "team")
        yield talk(probe(ADA))

    with pytest.raises(GalleryNotFound):
        list(SpeakerID(known.engine, "team").listen(messages()))


def test_what_the_messages_raise_comes_out(known: SpeakerID) -> None:
    def messages() -> Iterator[bytes]:
        yield CONVERSATION[:50_000]
        raise StreamIdle(3.0)

    with pytest.raises(StreamIdle):
        list(known.listen(messages()))


def test_refusals(sid: SpeakerID) -> None:
    with pytest.raises(GalleryNotFound):
        events_of(SpeakerID(sid.engine, "nowhere"), b"")
    with pytest.raises(UnsupportedAudio):
        events_of(sid, b"", incoming=StreamFormat(sample_rate_hz=100))
    with pytest.raises(StreamTooLong):
        events_of(sid, bytes(64_000), max_seconds=1.0)


def test_speakers_of_another_encoder(known: SpeakerID, open_engine: EngineMaker, store_url: str) -> None:
    from speakerid.encoders.fake import FakeEncoder

    other = open_engine(store_url, encoder=FakeEncoder(dim=16))
    with pytest.raises(EncoderMismatch):
        events_of(SpeakerID(other), CONVERSATION)
