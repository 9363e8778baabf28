"""FILE as a pipe, or as `-` for stdin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from speakerid import samples
from speakerid.cli import inputs
from speakerid.cli.main import app
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN

VOICES = samples.voices()
PROBE = VOICES[ADA].probes[0]


def piped(command: Command, *arguments: str | Path, audio: bytes = PROBE.read_bytes()) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    env = {"SPEAKERID_STORE": str(command.store), "SPEAKERID_ENCODER": "fake", "NO_COLOR": "1"}
    ran = CliRunner().invoke(app, [str(one) for one in arguments], env=env, input=audio)
    return ran.exit_code, ran.stdout, ran.stderr


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A named pipe that somebody writes a probe into, once."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes, which this system has not")
    path = tmp_path / "pipe.opus"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(PROBE.read_bytes(),), daemon=True)
    writer.start()
    yield path
    writer.join(timeout=300)


def test_every_command_reads_stdin(enrolled: Command) -> None:
    code, out, _ = piped(enrolled, "identify", "-", "--json")
    assert (code, json.loads(out)["speaker"]["name"]) == (0, ADA)
    assert piped(enrolled, "verify", ADA, "-")[0] == 0
    assert piped(enrolled, "recording", "-", "--format", "rttm")[1].startswith("SPEAKER stdin 1 ")
    code, out, _ = piped(enrolled, "enroll", ADA, "-", "--json")
    assert (code, json.loads(out)["speaker"]["utterances"]) == (0, 4)


def test_every_command_reads_a_pipe(enrolled: Command, pipe: Path) -> None:
    assert enrolled("identify", pipe, "--json").json["speaker"]["name"] == ADA


def test_a_recording_is_read_from_a_pipe(enrolled: Command, pipe: Path) -> None:
    assert enrolled("recording", pipe, "--format", "rttm").out.startswith("SPEAKER pipe 1 ")


def test_a_server_gets_what_comes_from_stdin(served: Served) -> None:
    assert piped(served, "verify", ADA, "-", "--url", served.url)[0] == 0


def test_stdin_is_read_once(enrolled: Command) -> None:
    code, out, err = piped(enrolled, "identify", "-", PROBE, "-")
    assert (code, out) == (2, "")
    assert "read only once" in err
    code, out, _ = piped(enrolled, "identify", "-", PROBE, "--json")
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["-", str(PROBE)]


def test_nothing_piped_in_is_said_and_not_waited_for(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    code, _, err = piped(enrolled, "verify", BEN, "-")
    assert (code, "nothing is piped into it" in err) == (2, True)


@pytest.mark.parametrize(("audio", "refusal"), [(b"", "empty_audio"), (b"text", "unsupported_audio")])
def test_what_is_no_audio_is_refused_by_name(enrolled: Command, audio: bytes, refusal: str) -> None:
    code, out, err = piped(enrolled, "identify", "-", audio=audio)
    assert (code, out, err.partition(":")[0]) == (1, "", refusal)


def test_a_pipe_without_an_end_is_refused(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.audio.files.MAX_FILE_BYTES", 100)
    assert piped(enrolled, "identify", "-")[2].startswith("file_too_large: ")
    monkeypatch.setattr(inputs, "PIPED_RECORDING_BYTES", 100)
    monkeypatch.setattr("speakerid.cli.recording.PIPED_RECORDING_BYTES", 100)
    assert piped(enrolled, "recording", "-")[2].startswith("file_too_large: ")


def test_devices_and_folders_are_no_files(enrolled: Command, tmp_path: Path) -> None:
    assert f"'{os.devnull}' is no regular file." in enrolled("identify", os.devnull).err
    assert f"'{tmp_path}' is a folder." in enrolled("identify", tmp_path).err
    assert "' cannot be read (" in enrolled("identify", tmp_path / ("a" * 300)).err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that substitutes processes")
def test_a_shell_s_substitution_is_a_file(enrolled: Command) -> None:
    env = os.environ | {"SPEAKERID_STORE": str(enrolled.store), "SPEAKERID_ENCODER": "fake"}
    script = f"'{sys.executable}' -m speakerid.cli verify {ADA} <(cat '{PROBE}')"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
