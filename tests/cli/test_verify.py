from __future__ import annotations

from pathlib import Path

import pytest

from speakerid import samples
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN

PROBE = samples.voices()[ADA].probes[0]


@pytest.mark.parametrize(
    ("file", "decision", "code"),
    [(PROBE, "accept", 0), (samples.stranger()[0], "reject", 1), (samples.silence(), "not_enough_speech", 1)],
    ids=["accept", "reject", "silence"],
)
def test_only_accept_is_success(enrolled: Command, file: Path, decision: str, code: int) -> None:
    ran = enrolled("verify", ADA, file, "--json")
    assert (ran.code, ran.json["decision"], ran.err) == (code, decision, "")
    assert enrolled("verify", ADA, file).out.startswith(f"{decision}: {ADA}")


def test_by_id(enrolled: Command) -> None:
    speaker_id = enrolled("speakers", "show", BEN, "--json").json["id"]
    assert enrolled("verify", speaker_id, samples.voices()[BEN].probes[0]).code == 0


def test_an_error_prints_no_answer(enrolled: Command) -> None:
    ran = enrolled("verify", "Nobody", PROBE, "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "speaker_not_found")


def test_a_server_answers_the_same(served: Served) -> None:
    local, remote = (served("verify", ADA, PROBE, "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local
