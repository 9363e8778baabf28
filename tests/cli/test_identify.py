"""`speakerid identify` and `speakerid verify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid import samples
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN

PROBE = samples.voices()[ADA].probes[0]
FIELDS = {
    "decision", "speaker", "candidates", "margin", "threshold", "prior", "speech", "encoder", "calibration", "reason",
    "warnings", "lost_seconds", "classes"}  # fmt: skip


def test_a_known_voice_is_named(enrolled: Command) -> None:
    ran = enrolled("identify", PROBE, "--json", "--top-k", "1")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == FIELDS
    assert (ran.json["decision"], ran.json["speaker"]["name"]) == ("accept", ADA)
    assert len(ran.json["candidates"]) == 1


def test_people_read_the_decision_first(enrolled: Command) -> None:
    ran = enrolled("identify", PROBE)
    assert ran.out.startswith(f"accept: {ADA} (spk_")
    assert "threshold" in ran.out
    assert BEN in ran.out


def test_unknown_is_an_answer(enrolled: Command) -> None:
    ran = enrolled("identify", samples.stranger()[0])
    assert ran.code == 0
    assert ran.out.startswith("unknown\n")


def test_an_empty_gallery_is_an_answer(empty: Command) -> None:
    ran = empty("identify", PROBE, "--json")
    assert (ran.code, ran.json["decision"]) == (0, "no_speakers")


def test_silence_is_answered_and_refused(enrolled: Command) -> None:
    ran = enrolled("identify", samples.silence(), "--json")
    assert (ran.code, ran.json["decision"], ran.err) == (1, "not_enough_speech", "")


def test_many_files_are_a_table_and_bad_ones_are_reported(enrolled: Command) -> None:
    ran = enrolled("identify", PROBE, samples.stranger()[0], "no.wav")
    assert ran.code == 1
    rows = [line.split() for line in ran.out.splitlines() if ".opus" in line]
    assert [row[1] for row in rows] == ["accept", "unknown"]
    assert "no.wav: file_missing: " in ran.err


def test_many_files_as_json_lines(enrolled: Command) -> None:
    ran = enrolled("identify", PROBE, "no.wav", samples.silence(), "--json")
    assert ran.code == 1
    assert [(one["file"], one["decision"]) for one in ran.lines] == [
        (str(PROBE), "accept"),
        (str(samples.silence()), "not_enough_speech"),
    ]
    assert (ran.problem["file"], ran.problem["code"]) == ("no.wav", "file_missing")


def test_many_answers_without_a_refusal_are_fine(enrolled: Command) -> None:
    assert enrolled("identify", PROBE, samples.stranger()[0]).code == 0


@pytest.mark.parametrize("arguments", [(), ("a.wav", "--top-k", "0"), ("a.wav", "--top-k", "101")], ids=str)
def test_wrong_usage(enrolled: Command, arguments: tuple[str, ...]) -> None:
    assert enrolled("identify", *arguments).code == 2


def test_a_server_answers_the_same(served: Served) -> None:
    local = served("identify", PROBE, samples.silence(), samples.stranger()[0], "--json")
    remote = served("identify", PROBE, samples.silence(), samples.stranger()[0], "--json", "--url", served.url)
    assert remote.lines == local.lines
    assert remote.code == local.code


def test_a_typed_store_wins_over_a_server_in_the_environment(enrolled: Command) -> None:
    dead = "http://127.0.0.1:1"
    assert enrolled("identify", PROBE, SPEAKERID_URL=dead).err.startswith("server_unreachable: ")
    assert enrolled("identify", PROBE, "--store", enrolled.store, SPEAKERID_URL=dead).code == 0


@pytest.mark.parametrize("option", ["--store", "--encoder"])
def test_a_server_has_its_own_store_and_encoder(enrolled: Command, option: str) -> None:
    ran = enrolled("identify", PROBE, "--url", "http://127.0.0.1:1", option, "x")
    assert ran.code == 2
    assert "Leave them out" in ran.err


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


def test_a_server_verifies_the_same(served: Served) -> None:
    local, remote = (served("verify", ADA, PROBE, "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local
