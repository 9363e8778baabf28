"""How late and how right live answers are: figures by hand, and the whole of it on real speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.recordings import live
from benchmarks.recordings.cases import Answered, Case
from benchmarks.recordings.live import Clock, Live, Timed
from benchmarks.recordings.reference import STRANGER, ReferenceTurn
from speakerid import SpeakerID
from speakerid.services.live.session import LivePolicy
from speakerid.types import Recording, SpeakerRef, Turn
from speakerid.types.live import Enough, LiveTurn
from tests.engines import EngineMaker

ADA = SpeakerRef("spk_1", "ada")
CASE = Case(
    "by hand",
    np.zeros(16_000 * 20, np.float32),
    (ReferenceTurn(0, 10, "ada"), ReferenceTurn(10, 20, "eve")),
    frozenset({"ada"}),
)


def turn(number: int, start: float, end: float, speaker: SpeakerRef | None, *, final: bool = True) -> LiveTurn:
    voice = speaker.id if speaker else "unknown_1"
    return LiveTurn(number, final, start, end, voice, speaker, "accept", None, None)


def enough(speaker: SpeakerRef | None) -> Enough:
    voice = speaker.id if speaker else "unknown_1"
    return Enough(voice, speaker, "accept" if speaker else "unknown", 5.0, 0.9, None, 3.0, 5.0, "")


@pytest.fixture
def answered() -> Live:
    """ADA for 9 s, then 2 s more under her name, then a stranger; offline the border is right."""
    turns = (Turn(0.0, 10.0, "spk_1", ADA, None, 5.0, 0.9), Turn(10.0, 20.0, "unknown_1", None, None, None, None))
    recording = Recording(20.0, turns, (), 20.0, 0.5, "fake", "default", "")
    events = [
        Timed(1.6, turn(0, 0.0, 1.5, ADA, final=False)),
        Timed(5.1, turn(0, 0.0, 5.0, ADA, final=False)),
        Timed(5.2, enough(ADA)),
        Timed(9.5, turn(0, 0.0, 9.0, ADA)),
        Timed(13.0, turn(1, 9.0, 12.0, ADA)),
        Timed(20.6, turn(2, 12.0, 20.0, None)),
        Timed(20.6, enough(None)),
    ]
    return Live(Answered(CASE, recording), events)


def test_lateness_by_hand(answered: Live) -> None:
    assert answered.lateness() == pytest.approx([0.5, 1.0, 0.6])
    assert answered.answer_delays(lambda one: one.start) == pytest.approx([1.6, 0.5, 1.0])
    assert answered.answer_delays(lambda one: one.end) == pytest.approx([0.5, 1.0, 0.6])


def test_names_by_hand(answered: Live) -> None:
    assert answered.like_offline() == (17.0, 20.0)  # 9 to 12 is the stranger's for the most part
    named = answered.named()
    assert (named.known_named, named.strangers_named) == pytest.approx((10.0, 2.0))
    assert answered.errors(0.0).confused == pytest.approx(2.0)


def test_enough_by_hand(answered: Live) -> None:
    assert [right for _, right in answered.enough()] == [True, True]
    answered.events.append(Timed(21.0, turn(3, 11.0, 12.0, ADA)))
    answered.events.append(Timed(21.0, enough(ADA)))
    assert [right for _, right in answered.enough()] == [True, True, False]


def test_the_clock_waits_for_audio_and_goes_on_with_work() -> None:
    clock = Clock()
    clock.wait_until(5.0)
    sum(range(300_000))
    assert 5.0 < clock.now() < 6.0
    clock.wait_until(5.0)  # it came long ago: the answer is late
    assert 5.0 < clock.now() < 6.0


def test_a_stream_is_answered_in_time(open_engine: EngineMaker, store_url: str) -> None:
    sid = SpeakerID(open_engine(store_url))
    events = live.streamed(sid, np.zeros(16_000, np.float32), LivePolicy())
    assert [one.event.type for one in events] == ["ready", "done"]
    assert events[-1].at >= 1.0


@pytest.mark.slow
def test_real_conversations(speech_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert live.main(["--speech", str(speech_root), "--conversations", "2"]) == 0
    out = capsys.readouterr().out
    assert "2 conversations" in out
    named = next(line for line in out.splitlines() if "named like the whole recording's answer" in line)
    assert float(named.split("answer")[1].split("%")[0]) > 60.0  # 85 to 93 % over many conversations
    assert STRANGER not in out
