from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from speakerid import samples
from speakerid.api.examples import IDENTIFICATION, RECORDING_RESULT
from speakerid.cli import demo
from speakerid.cli.demo import DemoProbe, ScriptedTurn
from speakerid.types import Recording, SpeakerRef, Turn
from tests.cli.command import Command
from tests.sampled import ADA, BEN

ACCEPTED = replace(IDENTIFICATION, speaker=SpeakerRef("spk_1", ADA))


def test_every_sample_is_a_probe() -> None:
    probes = demo.probes()
    assert {one.speaker for one in probes if one.decision == "accept"} == set(samples.voices())
    assert sum(one.decision == "unknown" for one in probes) == len(samples.stranger())
    assert sum(one.decision == "not_enough_speech" for one in probes) == 1


def test_right_means_the_right_name_too() -> None:
    probe = DemoProbe(samples.silence(), ADA, "accept", ADA)
    assert demo.answered(probe, ACCEPTED)["right"]
    assert not demo.answered(replace(probe, speaker=BEN), ACCEPTED)["right"]
    assert not demo.answered(replace(probe, decision="unknown", speaker=None), ACCEPTED)["right"]


SPOKEN = [
    ScriptedTurn(ADA, 0.0, 5.0),
    ScriptedTurn(BEN, 6.0, 10.0),
    ScriptedTurn(None, 11.0, 15.0),
    ScriptedTurn(None, 16.0, 20.0),
]


def turn(start: float, end: float, who: str) -> Turn:
    known = who in (ADA, BEN)
    return Turn(start, end, "spk" if known else who, SpeakerRef("spk", who) if known else None, None, None, None)


def recording(*turns: Turn) -> Recording:
    assert RECORDING_RESULT.result is not None
    return replace(RECORDING_RESULT.result, turns=turns)


def test_a_recording_is_right_when_every_turn_is() -> None:
    turns = [turn(0.5, 4.0, ADA), turn(4.0, 4.9, BEN), turn(6.1, 9.0, BEN), turn(11.0, 14.0, "unknown_1")]
    found = [demo.turn_line(one, recording(*turns, turn(16.0, 19.0, "unknown_1"))) for one in SPOKEN]
    assert [one["named"] for one in found] == [ADA, BEN, "unknown_1", "unknown_1"]
    assert all(one["right"] for one in found)


@pytest.mark.parametrize("last", [[], [turn(16.0, 19.0, "unknown_2")], [turn(16.0, 19.0, ADA)]])
def test_a_recording_is_wrong_when_one_is(last: list[Turn]) -> None:
    turns = [turn(0.5, 4.0, ADA), turn(6.1, 9.0, BEN), turn(11.0, 14.0, "unknown_1"), *last]
    assert [demo.turn_line(one, recording(*turns))["right"] for one in SPOKEN] == [True, True, True, False]


def test_the_recording_holds_its_script(tmp_path: Path) -> None:
    spoken = demo.write_conversation(tmp_path / "talk.wav")
    assert len({one.voice for one in spoken}) == 3
    assert None in {one.voice for one in spoken}
    assert soundfile.info(tmp_path / "talk.wav").duration == pytest.approx(spoken[-1].end + demo.PAUSE_S)
    assert all(one.end - one.start > 3.0 for one in spoken)


@pytest.mark.slow
def test_the_exit_code_follows_the_outcome(speakerid: Command) -> None:
    ran = speakerid("demo", "--encoder", "fake", "--json")
    assert len(ran.json["probes"]) == len(demo.probes())
    assert len(ran.json["recording"]) == 6
    assert len(ran.json["labels"]) == 4 or "speakerid models fetch" in ran.json["missing"]
    lines = ran.json["probes"] + ran.json["recording"] + ran.json["labels"]
    assert ran.code == (0 if all(one["right"] for one in lines) else 1)
    assert ran.json["right"] == (ran.code == 0)


@pytest.mark.slow
def test_one_wrong_answer_is_a_failure(speakerid: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "probes", lambda: [DemoProbe(samples.silence(), "nobody", "accept", ADA)])
    # The operator's settings do not count, but for the folder of models, which has none here.
    ran = speakerid("demo", "--encoder", "fake", SPEAKERID_HOST="0.0.0.0", SPEAKERID_MODELS=str(tmp_path))
    assert ran.code == 1
    assert "1 of 1 answers are wrong." in ran.out
    assert "Who spoke when in one recording" in ran.out
    assert "More labels could be shown. speech-embedding needs" in " ".join(ran.out.split())
    assert "What to try next" in ran.out


@pytest.mark.slow
def test_a_service_that_does_not_start(speakerid: Command, capfd: pytest.CaptureFixture[str]) -> None:
    ran = speakerid("demo", "--encoder", "no-such-encoder", "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "service_failed")
    assert "encoder_not_found" in capfd.readouterr().err
