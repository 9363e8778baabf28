from __future__ import annotations

from dataclasses import replace

import pytest

from speakerid import samples
from speakerid.cli import demo
from speakerid.cli.demo import Heard, Probe
from tests.cli.command import Command
from tests.sampled import ADA, BEN

ACCEPTED = {"decision": "accept", "speaker": {"id": "spk_1", "name": ADA}, "candidates": []}


def test_every_sample_is_a_probe() -> None:
    probes = demo.probes()
    assert {one.speaker for one in probes if one.decision == "accept"} == set(samples.voices())
    assert sum(one.decision == "unknown" for one in probes) == len(samples.stranger())
    assert sum(one.decision == "not_enough_speech" for one in probes) == 1


def test_right_means_the_right_name_too() -> None:
    probe = Probe(samples.silence(), ADA, "accept", ADA)
    assert Heard(probe, ACCEPTED).right
    assert not Heard(replace(probe, speaker=BEN), ACCEPTED).right
    assert not Heard(replace(probe, decision="unknown", speaker=None), ACCEPTED).right


@pytest.mark.slow
def test_the_exit_code_follows_the_outcome(speakerid: Command) -> None:
    ran = speakerid("demo", "--encoder", "fake", "--json")
    assert len(ran.json["probes"]) == len(demo.probes())
    assert ran.code == (0 if all(one["right"] for one in ran.json["probes"]) else 1)
    assert ran.json["right"] == (ran.code == 0)


@pytest.mark.slow
def test_one_wrong_answer_is_a_failure(speakerid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "probes", lambda: [Probe(samples.silence(), "nobody", "accept", ADA)])
    ran = speakerid("demo", "--encoder", "fake", SPEAKERID_HOST="0.0.0.0")  # the operator's settings do not count
    assert ran.code == 1
    assert "1 of 1 answers are wrong." in ran.out
    assert "What to try next" in ran.out


@pytest.mark.slow
def test_a_service_that_does_not_start(speakerid: Command, capfd: pytest.CaptureFixture[str]) -> None:
    ran = speakerid("demo", "--encoder", "no-such-encoder", "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "service_failed")
    assert "encoder_not_found" in capfd.readouterr().err
