"""Recordings in which two speak at once. Where, a stand-in says: the sample voices are too few to find it by ear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import decode
from speakerid.audio.overlap import OverlapDetector
from speakerid.audio.recorder import LongAudio
from speakerid.diarization.overlaps import overlapped
from speakerid.encoders.batching import Batcher
from speakerid.services.recordings import answers
from speakerid.timeline import Recording
from speakerid.types import FloatArray, Span
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe

SECOND = 16_000
PAUSE = np.zeros(SECOND // 2, np.float32)
ADA_SAYS, BEN_SAYS = decode(probe(ADA)), decode(probe(BEN))


@pytest.fixture
def store_kind() -> str:
    """Nothing here writes."""
    return "sqlite"


def interrupted(overlap_s: float) -> tuple[FloatArray, Span]:
    """Ada, Ben before she has ended, and where both speak."""
    end = len(PAUSE) + len(ADA_SAYS)
    start = end - int(overlap_s * SECOND)
    samples = np.zeros(start + len(BEN_SAYS) + len(PAUSE), np.float32)
    samples[len(PAUSE) : end] += ADA_SAYS
    samples[start : start + len(BEN_SAYS)] += BEN_SAYS
    return samples, (start, end)


def tell(monkeypatch: pytest.MonkeyPatch, *overlaps: Span) -> None:
    monkeypatch.setattr(OverlapDetector, "stream", lambda *_: overlaps)


def who(answer: Recording) -> list[tuple[str, bool]]:
    return [(turn.speaker.name if turn.speaker else turn.voice, turn.overlap) for turn in answer.turns]


def test_both_have_a_turn_there(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, both = interrupted(1.5)
    tell(monkeypatch, both)
    answer = known.recording((samples, SECOND))
    assert who(answer) == [(ADA, True), (BEN, True)]
    ada, ben = answer.turns
    assert ada.end == pytest.approx(both[1] / SECOND, abs=0.1)
    assert ben.start == pytest.approx(both[0] / SECOND, abs=0.1)
    assert sum(voice.speech.seconds for voice in answer.voices) == pytest.approx(answer.speech_seconds - 1.5, abs=0.1)


def test_voices_are_learned_where_they_speak_alone(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, both = interrupted(2.0)
    tell(monkeypatch, both)
    read: list[Span] = []
    honest = LongAudio.spans

    def noted(audio: LongAudio, spans: Sequence[Span]) -> Iterator[FloatArray]:
        read.extend(spans)
        return honest(audio, spans)

    monkeypatch.setattr(LongAudio, "spans", noted)
    heard: list[int] = []
    embed = Batcher.embed

    def embedded(encoder: Batcher, waves: Sequence[FloatArray]) -> FloatArray:
        heard.extend(map(len, waves))
        return embed(encoder, waves)

    monkeypatch.setattr(Batcher, "embed", embedded)
    known.recording((samples, SECOND))
    windows = [one for one in read if one[1] - one[0] <= 24_000]
    assert windows
    assert not any(overlapped(one, [both]) for one in windows)
    assert max(heard) <= max(both[0], len(samples) - both[1])  # no whole talk, with what the other says, was embedded


def test_who_is_never_alone_is_heard_all_the_same(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, _ = interrupted(0.0)
    tell(monkeypatch, (0, len(samples)))
    answer = known.recording((samples, SECOND))
    assert {name for name, _ in who(answer)} == {ADA, BEN}
    assert all(overlap for _, overlap in who(answer))


def test_a_mixture_never_stands_for_a_voice(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada alone, a pause, and then a longer time in which both speak."""
    alone = ADA_SAYS[: 4 * SECOND]
    mixed = ADA_SAYS[: 5 * SECOND] + BEN_SAYS[: 5 * SECOND]
    samples = np.concatenate([PAUSE, alone, PAUSE, mixed, PAUSE])
    tell(monkeypatch, (len(samples) - len(PAUSE) - len(mixed), len(samples)))
    answer = known.recording((samples, SECOND))
    assert [voice.speaker.name for voice in answer.voices if voice.speaker] == [ADA]
    assert answer.voices[0].speech.seconds < 4.1


def test_two_sides_of_a_call_at_once(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch)
    sides = np.zeros((len(ADA_SAYS) + len(BEN_SAYS), 2), np.float32)
    sides[: len(ADA_SAYS), 0] = ADA_SAYS
    sides[len(ADA_SAYS) - SECOND :][: len(BEN_SAYS), 1] = BEN_SAYS
    answer = known.recording(soundfile_bytes(sides, SECOND, "FLAC"), channel="split")
    assert who(answer) == [(ADA, True), (BEN, True)]


def test_without_overlap_no_turn_says_so(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch)
    samples = np.concatenate([PAUSE, ADA_SAYS, PAUSE, BEN_SAYS, PAUSE])
    answer = known.recording((samples, SECOND))
    assert who(answer) == [(ADA, False), (BEN, False)]


def test_it_is_kept_and_an_older_answer_has_none(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, both = interrupted(1.5)
    tell(monkeypatch, both)
    stored = answers.stored(known.recording((samples, SECOND)))
    assert [turn.overlap for turn in answers.loaded(stored).turns] == [True, True]
    for turn in stored["turns"]:
        del turn["overlap"]
    assert [turn.overlap for turn in answers.loaded(stored).turns] == [False, False]
