"""Recordings in which two speak at once. A stand-in for the segmentation model decides who speaks where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.audio.decode import decode
from speakerid.audio.long_audio_reader import LongAudio, LongAudioReader
from speakerid.audio.segmentation import FRAME_STEP, FRAMES, WINDOW
from speakerid.diarization.reconstruction import DOUBT
from speakerid.diarization.segments import STEP
from speakerid.encoders.batching import Batcher
from speakerid.errors import InvalidRequest
from speakerid.services import diarize
from speakerid.services.diarize import check_count
from speakerid.services.recordings import results
from speakerid.types import FloatArray, Recording, Span, SpeakerCount
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe

SECOND = 16_000
PAUSE = np.zeros(SECOND // 2, np.float32)
ADA_SAYS, BEN_SAYS = decode(probe(ADA))[:80_000], decode(probe(BEN))[:80_000]


@pytest.fixture
def store_kind() -> str:
    """Nothing here writes."""
    return "sqlite"


class Script:
    """A segmenter that knows beforehand: the spans of each of two speakers."""

    speakers: ClassVar[int] = 2

    def __init__(self, *spoken: Sequence[Span]) -> None:
        self._spoken = spoken
        self._windows = 0

    def speaking(self, windows: FloatArray) -> FloatArray:
        found = np.zeros((len(windows), FRAMES, 2), np.float32)
        for window in found:
            for speaker, spans in enumerate(self._spoken):
                for span in spans:
                    first, end = (max(place - self._windows * STEP, 0) // FRAME_STEP for place in span)
                    window[first:end, speaker] = 1.0
            self._windows += 1
        return found


def script(monkeypatch: pytest.MonkeyPatch, *spoken: Sequence[Span]) -> None:
    monkeypatch.setattr(LongAudioReader, "segmenter", property(lambda _: Script(*spoken)))


def interrupted(overlap_s: float) -> tuple[FloatArray, Span, Span]:
    """Ada, Ben before she has ended; where each of them speaks."""
    end = len(PAUSE) + len(ADA_SAYS)
    start = end - int(overlap_s * SECOND)
    samples = np.zeros(start + len(BEN_SAYS) + len(PAUSE), np.float32)
    samples[len(PAUSE) : end] += ADA_SAYS
    samples[start : start + len(BEN_SAYS)] += BEN_SAYS
    return samples, (len(PAUSE), end), (start, start + len(BEN_SAYS))


def who(answer: Recording) -> list[tuple[str, bool]]:
    return [(turn.speaker.name if turn.speaker else turn.voice, turn.overlap) for turn in answer.turns]


def test_both_have_a_turn_there(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, ada_speaks, ben_speaks = interrupted(1.5)
    script(monkeypatch, [ada_speaks], [ben_speaks])
    answer = known.recording((samples, SECOND))
    assert who(answer) == [(ADA, True), (BEN, True)]
    ada, ben = answer.turns
    assert ada.end == pytest.approx(ada_speaks[1] / SECOND, abs=0.1)
    assert ben.start == pytest.approx(ben_speaks[0] / SECOND, abs=0.1)
    assert sum(voice.speech.seconds for voice in answer.voices) == pytest.approx(answer.speech_seconds - 3.0, abs=0.1)


def test_a_named_turn_yields_where_it_ends_in_an_unnamed_one(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, ada_speaks, ben_speaks = interrupted(1.5)
    script(monkeypatch, [ada_speaks], [ben_speaks])
    ada, ben = known.recording((samples, SECOND)).turns
    script(monkeypatch, [ada_speaks], [ben_speaks])
    shorter, unnamed = known.recording((samples, SECOND), candidates=[ADA]).turns
    assert [shorter.start, shorter.end] == pytest.approx([ada.start, ada.end - DOUBT / SECOND], abs=1e-3)
    assert (unnamed.start, unnamed.end, unnamed.speaker) == (ben.start, ben.end, None)


def test_a_syllable_over_somebody_else_is_no_turn_of_whom_it_is_unlike(
    known: SpeakerID, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, ada_speaks, ben_speaks = interrupted(0.0)
    script(monkeypatch, [ada_speaks], [(4 * SECOND, 4 * SECOND + 1_500), ben_speaks])
    assert who(known.recording((samples, SECOND))) == [(ADA, False), (BEN, False)]


def test_nothing_is_learned_where_two_speak(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, ada_speaks, ben_speaks = interrupted(2.0)
    script(monkeypatch, [ada_speaks], [ben_speaks])
    lengths: list[int] = []
    embed = Batcher.embed

    def embedded(encoder: Batcher, waves: Sequence[FloatArray], *, background: bool) -> FloatArray:
        lengths.extend(map(len, waves))
        return embed(encoder, waves, background=background)

    monkeypatch.setattr(Batcher, "embed", embedded)
    answer = known.recording((samples, SECOND))
    assert sum(lengths) == pytest.approx(len(ADA_SAYS) + len(BEN_SAYS) - 4 * SECOND, abs=SECOND // 10)
    assert sum(lengths) / SECOND == pytest.approx(sum(voice.speech.seconds for voice in answer.voices), abs=0.1)


def test_segments_that_wait_for_each_other_are_told_apart_as_those_embedded_at_once(
    known: SpeakerID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ada speaks for five seconds, Ben for three, and again: the encoder has the shorter ones first."""
    said = [ADA_SAYS, BEN_SAYS[: 3 * SECOND]] * 2
    edges = np.cumsum([0, *map(len, said)]).tolist()
    spans = list(pairwise(edges))
    for at_once in (diarize.AT_ONCE, 1):
        monkeypatch.setattr(diarize, "AT_ONCE", at_once)
        script(monkeypatch, spans[::2], spans[1::2])
        answer = known.recording((np.concatenate(said), SECOND))
        assert who(answer) == [(ADA, False), (BEN, False)] * 2


def test_who_never_speaks_alone_has_turns_all_the_same(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, ada_speaks, _ = interrupted(0.0)
    script(monkeypatch, [ada_speaks], [ada_speaks])
    answer = known.recording((samples, SECOND))
    assert answer.turns
    assert answer.voices[0].decision == "not_enough_speech"


def test_what_fits_no_cluster_is_too_little_to_be_named(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter than a cluster has to be, longer than the gallery asks for."""
    samples, ada_speaks, (start, _) = interrupted(0.0)
    end = start + int(1.8 * SECOND)
    script(monkeypatch, [ada_speaks], [(start, end)])
    answer = known.recording((samples[:end], SECOND))
    assert [(voice.decision, round(voice.speech.seconds)) for voice in answer.voices] == [
        ("accept", 5),
        ("not_enough_speech", 0),
    ]


def test_two_sides_of_a_call_at_once(known: SpeakerID) -> None:
    sides = np.zeros((len(ADA_SAYS) + len(BEN_SAYS), 2), np.float32)
    sides[: len(ADA_SAYS), 0] = ADA_SAYS
    sides[len(ADA_SAYS) - SECOND :][: len(BEN_SAYS), 1] = BEN_SAYS
    answer = known.recording(soundfile_bytes(sides, SECOND, "FLAC"), channel="split")
    assert {name for name, overlap in who(answer) if overlap} == {ADA, BEN}


def test_without_overlap_no_turn_has_it(known: SpeakerID) -> None:
    samples = np.concatenate([PAUSE, ADA_SAYS, PAUSE, BEN_SAYS, PAUSE])
    assert set(who(known.recording((samples, SECOND)))) == {(ADA, False), (BEN, False)}


def test_overlap_is_kept_and_an_older_answer_has_none(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, *spoken = interrupted(1.5)
    script(monkeypatch, *([one] for one in spoken))
    stored = results.stored(known.recording((samples, SECOND)))
    assert [turn.overlap for turn in results.loaded(stored).turns] == [True, True]
    for turn in stored["turns"]:
        del turn["overlap"]
    assert [turn.overlap for turn in results.loaded(stored).turns] == [False, False]


def test_a_recording_is_read_once(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[LongAudio] = []
    pieces = LongAudio.pieces

    def counted(
        audio: LongAudio, as_it_came: Callable[[FloatArray], None], lost: Callable[[float], None]
    ) -> Iterator[FloatArray]:
        opened.append(audio)
        return pieces(audio, as_it_came, lost)

    monkeypatch.setattr(LongAudio, "pieces", counted)
    known.recording((np.tile(ADA_SAYS, 1 + 3 * WINDOW // len(ADA_SAYS)), SECOND))
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (SpeakerCount(), (1, None)),
        (SpeakerCount(speakers=3), (3, 3)),
        (SpeakerCount(min_speakers=2), (2, None)),
        (SpeakerCount(min_speakers=2, max_speakers=2), (2, 2)),
        (SpeakerCount(max_speakers=4), (1, 4)),
    ],
)
def test_a_count_is_a_number_or_bounds(asked: SpeakerCount, count: tuple[int, int | None]) -> None:
    check_count(asked)
    assert (asked.least, asked.most) == count


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (SpeakerCount(speakers=0), "'speakers' is 1 to 1000"),
        (SpeakerCount(min_speakers=0), "'min_speakers' is 1 to 1000"),
        (SpeakerCount(max_speakers=1001), "'max_speakers' is 1 to 1000"),
        (SpeakerCount(speakers=2, max_speakers=3), "either 'speakers', or"),
        (SpeakerCount(min_speakers=3, max_speakers=2), "'min_speakers', 3, is more than 'max_speakers', 2"),
    ],
)
def test_a_wrong_count_is_refused_with_the_reason(asked: SpeakerCount, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        check_count(asked)
