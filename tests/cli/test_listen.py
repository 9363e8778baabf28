"""`speakerid listen`, on a store and on a server."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from speakerid import samples
from speakerid.audio.decode import decode
from speakerid.cli import listen
from speakerid.cli.listen import BLOCK_S, RATE_HZ, MicrophoneUnavailable, microphone
from speakerid.client import Client, ClientError
from speakerid.types import StreamDone
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN, probe

PAUSE = np.zeros(12_000, np.float32)


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ADA, then BEN."""
    file = tmp_path_factory.mktemp("listen") / "a talk.flac"
    soundfile.write(file, np.concatenate([PAUSE, decode(probe(ADA)), PAUSE, decode(probe(BEN)), PAUSE]), 16_000)
    return file


def test_people_see_a_line_for_each_turn(enrolled: Command, talk: Path) -> None:
    ran = enrolled("listen", talk, "--fast")
    assert (ran.code, ran.err) == (0, "")
    first, *lines, last = ran.out.splitlines()
    assert first == "Listening, gallery default."
    turns = [line for line in lines if "is certain after" not in line]
    assert [ADA in turns[0], BEN in turns[-1]] == [True, True]
    assert turns[0].startswith("0:01.")
    assert last.startswith("13.")
    assert ADA in last
    assert BEN in last


def test_json_is_the_events(enrolled: Command, talk: Path) -> None:
    events = enrolled("listen", talk, "--fast", "--json").lines
    assert [events[0]["type"], events[-1]["type"]] == ["ready", "done"]
    assert {one["type"] for one in events[1:-1]} <= {"turn", "enough"}


def test_a_server_says_the_same(enrolled: Command, served: Served, talk: Path) -> None:
    own = enrolled("listen", talk, "--fast", "--json").lines
    assert served("listen", talk, "--fast", "--json", "--url", served.url).lines == own


def test_only_candidates_are_named(served: Served, talk: Path) -> None:
    ran = served("listen", talk, "--fast", "--json", "--url", served.url, "--candidates", f"{BEN}, ")
    assert [one["speaker"] and one["speaker"]["name"] for one in ran.lines[-1]["voices"]] == [None, BEN]


def test_a_file_is_listened_to_in_real_time(tmp_path: Path) -> None:
    file, stopped = tmp_path / "short.wav", threading.Event()
    soundfile.write(file, np.zeros(8_000, np.float32), 16_000)
    began = time.monotonic()
    assert sum(len(one) for one in listen._messages(file, stopped, fast=False)) == 16_000
    assert time.monotonic() - began >= 0.5
    stopped.set()
    assert list(listen._messages(file, stopped, fast=False)) == []


@pytest.mark.parametrize("where", ["store", "server"])
def test_refusals_are_one_sentence(served: Served, talk: Path, tmp_path: Path, where: str) -> None:
    here = ("--url", served.url) if where == "server" else ()
    assert served("listen", tmp_path / "no.wav", *here).err.startswith("file_missing: ")
    assert served("listen", Path(__file__), *here).err.startswith("unsupported_audio: ")
    ran = served("listen", talk, "--gallery", "team", "--json", *here)
    assert (ran.code, ran.problem["code"]) == (1, "gallery_not_found")
    ran = served("listen", talk, "--candidates", "Nobody", "--json", *here)
    assert (ran.code, ran.problem["code"]) == (1, "speaker_not_found")


def test_a_server_that_is_not_there(enrolled: Command, talk: Path) -> None:
    ran = enrolled("listen", talk, "--url", "http://127.0.0.1:1")
    assert (ran.code, ran.err.startswith("server_unreachable: ")) == (1, True)


def test_ctrl_c_ends_the_audio_not_the_answer(enrolled: Command, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: Path, stopped: threading.Event, *, fast: bool) -> Iterator[bytes]:
        for nth, message in enumerate(original(file, stopped, fast=fast)):
            if nth == 40:
                signal.raise_signal(signal.SIGINT)
            yield message

    original, before = listen._messages, signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(listen, "_messages", interrupted)
    ran = enrolled("listen", talk, "--fast", "--json")
    assert ran.code == 0
    assert ran.lines[-1]["type"] == "done"
    assert ran.lines[-1]["seconds"] == pytest.approx(4.1)
    assert signal.getsignal(signal.SIGINT) is before


class TestClient:
    """What the command line cannot send."""

    def test_encodings(self, served: Served) -> None:
        ogg = samples.voices()[ADA].probes[0].read_bytes()
        with Client(served.url) as client:
            *_, done = client.listen((ogg[at : at + 500] for at in range(0, len(ogg), 500)), encoding="ogg")
        assert isinstance(done, StreamDone)
        assert [one.speaker and one.speaker.name for one in done.voices] == [ADA]

    def test_a_refusal_in_the_middle(self, served: Served) -> None:
        with Client(served.url) as client, pytest.raises(ClientError) as refused:
            list(client.listen([bytes(640), bytes(3)]))
        assert (refused.value.code, refused.value.status) == ("malformed_audio", 422)
        assert refused.value.request_id

    def test_what_the_messages_raise_comes_out(self, served: Served) -> None:
        def messages() -> Iterator[bytes]:
            yield bytes(640)
            raise ZeroDivisionError

        with Client(served.url) as client, pytest.raises(ZeroDivisionError):
            list(client.listen(messages()))

    def test_whoever_stops_listening_leaves_nothing_behind(self, served: Served) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield bytes(3_200)

        with Client(served.url) as client:
            events = client.listen(endless())
            assert next(events).type == "ready"
            events.close()  # type: ignore[attr-defined]  # it is a generator
        assert [one.name for one in threading.enumerate() if one.name == "audio"] == []

    def test_another_kind_of_server(self, served: Served) -> None:
        with Client(f"{served.url}/elsewhere") as client, pytest.raises(ClientError) as refused:
            list(client.listen([]))
        assert refused.value.code == "unexpected_answer"


class TestMicrophone:
    """Through a stand-in for the sound library."""

    def test_it_gives_what_it_hears_until_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stopped, opened = threading.Event(), list[Any]()
        monkeypatch.setitem(sys.modules, "sounddevice", _library(opened, bytes(int(RATE_HZ * BLOCK_S * 2))))
        blocks = microphone(stopped)
        assert [len(next(blocks)) for _ in range(3)] == [3_200] * 3
        stopped.set()
        assert list(blocks) == []
        assert opened == [{"samplerate": 16_000, "channels": 1, "dtype": "int16", "blocksize": 1_600}, "closed"]

    def test_without_the_library(self, enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sounddevice", None)
        ran = enrolled("listen")
        assert ran.code == 1
        assert ran.err.startswith("microphone_unavailable: ")
        assert "pip install '.[listen]'" in ran.err

    def test_without_a_microphone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sounddevice", _library([], None))
        with pytest.raises(MicrophoneUnavailable, match="no such device"):
            next(microphone(threading.Event()))


class _PortAudioError(Exception):
    pass


def _library(opened: list[Any], block: bytes | None) -> Any:
    class Stream:
        def __init__(self, callback: Any, **options: Any) -> None:
            if block is None:
                raise _PortAudioError("no such device")
            opened.append(options)
            for _ in range(5):
                callback(memoryview(block), len(block) // 2, None, None)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            opened.append("closed")

    return SimpleNamespace(RawInputStream=Stream, PortAudioError=_PortAudioError)


def test_what_cannot_be_listened_to_is_said_before_anything_listens(enrolled: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada")
    cases = {"nothing.wav": "file_missing", "a" * 300: "file_missing", "letter.txt": "unsupported_audio"}
    for name, code in cases.items():
        ran = enrolled("listen", tmp_path / name, "--json")
        assert (ran.code, ran.out, ran.problem["code"]) == (1, "", code)


def test_a_pipe_is_refused_with_what_to_do(enrolled: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for pipe in (Path("-"), tmp_path / "pipe"):
        ran = enrolled("listen", pipe)
        assert (ran.code, ran.out) == (2, "")
        assert "it reads no pipe" in " ".join(ran.err.split())
