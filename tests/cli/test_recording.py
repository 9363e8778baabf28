from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerid import samples
from speakerid.audio.decode import decode
from speakerid.client import Client
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN, probe

PAUSE = np.zeros(12_000, np.float32)
FIELDS = {
    *("id", "seconds", "turns", "voices", "speech_seconds", "prior", "encoder", "calibration", "reason"),
    *("warnings", "lost_seconds"),
}


@pytest.fixture(scope="session")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ADA, then BEN."""
    file = tmp_path_factory.mktemp("recording") / "a meeting.flac"
    soundfile.write(file, np.concatenate([PAUSE, decode(probe(ADA)), PAUSE, decode(probe(BEN)), PAUSE]), 16_000)
    return file


def test_people_see_a_timeline(enrolled: Command, meeting: Path) -> None:
    ran = enrolled("recording", meeting)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("2 voices, 2 of them named.\n")
    timeline = [line for line in ran.out.splitlines() if line.strip().startswith("0:0")]
    assert ADA in timeline[0]
    assert BEN in timeline[-1]


def test_json_is_the_answer(enrolled: Command, meeting: Path) -> None:
    ran = enrolled("recording", meeting, "--json")
    assert set(ran.json) == FIELDS
    assert ran.json["turns"][0]["speaker"]["name"] == ADA
    assert enrolled("recording", meeting, "--format", "json").json == ran.json


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("rttm", "SPEAKER a_meeting 1 "),
        ("srt", "1\n00:00:0"),
        ("vtt", "WEBVTT\n\n00:00:0"),
        ("csv", "start,end,voice"),
        ("json", "{"),
        ("png", None),
    ],
)
def test_formats(enrolled: Command, meeting: Path, tmp_path: Path, name: str, begins: str | None) -> None:
    out = tmp_path / f"timeline.{name}"
    assert enrolled("recording", meeting, "--out", out).code == 0  # the suffix says which
    assert out.read_bytes().startswith(b"\x89PNG" if begins is None else begins.encode())
    if begins is not None:
        assert enrolled("recording", meeting, "--format", name).out.startswith(begins)


def test_a_name_is_what_rttm_goes_by(enrolled: Command, meeting: Path) -> None:
    assert enrolled("recording", meeting, "--format", "rttm", "--name", "stand-up 1").out.startswith(
        "SPEAKER stand-up_1 1 "
    )


@pytest.mark.parametrize(("file", "uri"), [("caf\udce9.flac", "caf"), ("\udce9.flac", "recording")])
def test_a_file_of_any_name_gives_rttm_a_word(enrolled: Command, meeting: Path, file: str, uri: str) -> None:
    named = Path(shutil.copy(meeting, meeting.with_name(file)))
    assert enrolled("recording", named, "--format", "rttm").out.startswith(f"SPEAKER {uri} 1 ")


def test_options_reach_the_service(enrolled: Command, meeting: Path) -> None:
    ran = enrolled("recording", meeting, "--json", "--candidates", f" {BEN} ,", "--channel", "split")
    assert {turn["speaker"]["name"] for turn in ran.json["turns"] if turn["speaker"]} == {BEN}
    assert {turn["channel"] for turn in ran.json["turns"]} == {0}
    assert len(enrolled("recording", meeting, "--json", "--speakers", "1").json["voices"]) == 1
    assert len(enrolled("recording", meeting, "--json", "--max-speakers", "1").json["voices"]) == 1
    assert len(enrolled("recording", meeting, "--json", "--min-speakers", "3").json["voices"]) == 3
    ran = enrolled("recording", meeting, "--min-speakers", "3", "--max-speakers", "2")
    assert (ran.code, ran.err.startswith("invalid_request: ")) == (1, True)


def test_no_speech_is_an_answer(enrolled: Command) -> None:
    ran = enrolled("recording", samples.silence())
    assert (ran.code, ran.out) == (0, "No speech was found.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "png"),
        ("--format", "mp3"),
        ("--channel", "left"),
        ("--speakers", "0"),
        ("--out", "/no/such/folder/x.csv"),
    ],
    ids=str,
)
def test_wrong_usage(enrolled: Command, meeting: Path, arguments: tuple[str, ...]) -> None:
    ran = enrolled("recording", meeting, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_refusals_are_one_sentence(enrolled: Command, meeting: Path, tmp_path: Path) -> None:
    assert enrolled("recording", tmp_path / "no.wav").err.startswith("file_missing: ")
    ran = enrolled("recording", meeting, "--gallery", "team", "--json")
    assert (ran.code, ran.problem["code"]) == (1, "gallery_not_found")
    assert enrolled("recording", meeting, "--candidates", "Nobody").err.startswith("speaker_not_found: ")


def test_a_server_answers_the_same(served: Served, meeting: Path, tmp_path: Path) -> None:
    on_it = ("--url", served.url)
    local, remote = (served("recording", meeting, "--json", *more) for more in ((), on_it))
    assert (remote.code, remote.err) == (0, "")
    kept = remote.json["id"]  # a local store keeps recordings only where its gallery keeps unknown voices
    assert kept.startswith("rec_")
    assert remote.json == local.json | {"id": kept}
    shown, here = (served("recording", meeting, *more).out.splitlines() for more in (on_it, ()))
    assert shown[0].startswith(here[0])
    assert shown[1:] == here[1:]
    out = tmp_path / "timeline.png"
    assert served("recording", meeting, "--out", out, "--speakers", "2", "--candidates", BEN, *on_it).code == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert served("recording", meeting, "--format", "rttm", *on_it).out.startswith("SPEAKER a_meeting 1 ")
    with Client(served.url) as client:
        assert client.recordings()[0].name == "a meeting"


def test_a_server_refuses_in_one_sentence(served: Served, meeting: Path, tmp_path: Path) -> None:
    on_it = ("--url", served.url)
    assert served("recording", tmp_path / "no.wav", *on_it).err.startswith("file_missing: ")
    assert served("recording", meeting, "--gallery", "team", *on_it).err.startswith("gallery_not_found: ")
    assert served("recording", meeting, "--channel", "7", *on_it).err.startswith("no_such_channel: ")
    cut = tmp_path / "cut.flac"
    cut.write_bytes(meeting.read_bytes()[:100_000])
    assert served("recording", cut, *on_it).err.startswith("truncated_audio: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "talk.xyz"], "Say what talk.xyz shall be."),
        (["--out", "talk"], "Say what talk shall be."),
        (["--out", "talk.csv", "--format", "rttm"], "--format rttm and talk.csv contradict each other."),
        (["--out", "talk.csv", "--json"], "--format json and talk.csv contradict each other."),
        (["--out", "talk.txt", "--format", "table"], "A table is for the terminal."),
        (["--out", "no/such/folder/talk.csv"], "There is no folder"),
        (["--format", "png"], "A picture needs a file."),
    ],
)
def test_an_answer_that_could_not_be_written_is_refused_before_the_work(
    enrolled: Command, words: list[str], sentence: str
) -> None:
    ran = enrolled("recording", "nothing.wav", *words)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in " ".join(ran.err.split())


def test_a_suffix_in_capitals_and_a_format_for_another_name_are_understood(
    enrolled: Command, meeting: Path, tmp_path: Path
) -> None:
    for name, words in (("TALK.RTTM", []), ("talk.rttm", ["--format", "rttm"]), ("talk.txt", ["--format", "rttm"])):
        assert enrolled("recording", meeting, "--out", tmp_path / name, *words).code == 0
        assert (tmp_path / name).read_text().startswith("SPEAKER a_meeting 1 ")
