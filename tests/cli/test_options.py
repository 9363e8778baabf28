"""`--channel`: one side of a call, enrolled, identified and verified from a file of two channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.test_parameters import stereo
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN, probe, utterance


@pytest.fixture
def call(tmp_path: Path) -> Path:
    file = tmp_path / "call.flac"
    file.write_bytes(stereo(probe(ADA), probe(BEN)))
    return file


def test_identify_and_verify(enrolled: Command, call: Path) -> None:
    for channel, voice in enumerate((ADA, BEN)):
        found = enrolled("identify", call, "--channel", str(channel), "--json").json
        assert found["speaker"]["name"] == voice
        assert enrolled("verify", voice, call, "--channel", str(channel)).code == 0
        assert enrolled("verify", voice, call, "--channel", str(1 - channel)).code == 1


def test_a_server_answers_the_same(served: Served, call: Path) -> None:
    found = served("identify", call, "--channel", "1", "--json", "--url", served.url).json
    assert found["speaker"]["name"] == BEN
    assert served("verify", BEN, call, "--channel", "1", "--url", served.url).code == 0


def test_enroll(speakerid: Command, tmp_path: Path) -> None:
    file = tmp_path / "both.flac"
    file.write_bytes(stereo(utterance(ADA), utterance(BEN)))
    for channel, voice in enumerate((ADA, BEN)):
        assert not speakerid("enroll", voice, file, "--channel", str(channel), "--json").json["already_enrolled"]


@pytest.mark.parametrize("channel", ["left", "-1", "split", "1.5"])
def test_no_such_word(enrolled: Command, call: Path, channel: str) -> None:
    assert enrolled("identify", call, "--channel", channel).code == 2


def test_no_such_channel(enrolled: Command, call: Path) -> None:
    assert enrolled("identify", call, "--channel", "2", "--json").problem["code"] == "no_such_channel"
