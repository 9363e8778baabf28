"""How a command ends: usage errors, Ctrl-C, readers that have gone, and what cron and Kubernetes put around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import speakerid as package
from tests.cli.command import Command
from tests.sampled import ADA

COMMAND = [sys.executable, "-P", "-m", "speakerid.cli"]
SHELL = f'"{sys.executable}" -P -m speakerid.cli'


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell, with the streams as it says."""
    env = os.environ | environment
    return subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_told_both_ways(speakerid: Command, words: list[str]) -> None:
    ran = speakerid(*words)
    assert (ran.code, ran.out) == (0, f"{package.__version__}\n")


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["identfy", "x.wav"], "identify"), (["speakers", "lst"], "list"), (["audit", "--jsn"], "--json")],
)
def test_a_misspelt_word_is_named_with_the_right_one(speakerid: Command, words: list[str], meant: str) -> None:
    ran = speakerid(*words)
    assert (ran.code, ran.out) == (2, "")
    assert meant in ran.err.splitlines()[-1]


@pytest.mark.parametrize("words", [["identify"], ["identify", "x.wav", "--top-k", "0"], ["transmogrify"]])
def test_wrong_usage_is_json_too_for_a_program(speakerid: Command, words: list[str]) -> None:
    ran = speakerid(*words, "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (2, "", "wrong_usage")
    assert "Usage:" not in ran.problem["error"]


def _raising(error: type[BaseException]) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_ctrl_c_ends_a_command_as_shells_expect(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.verbs.SpeakerID.speakers", _raising(KeyboardInterrupt))
    ran = enrolled("speakers", "list")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_a_question_answered_no_does_nothing(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.cli.console.at_terminal", lambda: True)
    ran = enrolled("speakers", "delete", ADA)
    assert (ran.code, ran.err.endswith("not_confirmed: Nothing was done.\n")) == (1, True)
    assert enrolled("speakers", "show", ADA).code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "unbuffered"),
    [("version", ""), ("version", "1"), ("speakers list", ""), ("speakers list --json", "1"), ("--help", "")],
)
def test_a_reader_that_has_gone_is_no_crash(enrolled: Command, line: str, unbuffered: str) -> None:
    """The reader is gone before the first word: what is said then has no place to go."""
    read, write = os.pipe()
    os.close(read)
    env = os.environ | {
        "SPEAKERID_STORE": str(enrolled.store), "SPEAKERID_ENCODER": "fake", "PYTHONUNBUFFERED": unbuffered,
    }  # fmt: skip
    with open(write, "wb") as pipe:
        ran = subprocess.run(
            [*COMMAND, *line.split()], env=env, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=300
        )
    assert (ran.returncode, ran.stderr) == (141, "") or (line == "--help" and "Traceback" not in ran.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{SHELL} speakers delete {ADA} --yes --json <&-", 0),
        (f"{SHELL} speakers list >&-", 0),
        (f"{SHELL} speakers show nobody 2>&-", 1),
    ],
)
def test_a_missing_stream_is_no_crash(enrolled: Command, line: str, code: int) -> None:
    """cron and supervisors may close them."""
    ran = shell(line, SPEAKERID_STORE=str(enrolled.store), SPEAKERID_ENCODER="fake")
    assert (ran.returncode, ran.stderr) == (code, "")


@pytest.mark.slow
def test_a_terminal_without_our_letters_shows_others(enrolled: Command) -> None:
    assert enrolled("speakers", "change", ADA, "--name", "Zoë").code == 0
    settings = {"SPEAKERID_STORE": str(enrolled.store), "SPEAKERID_ENCODER": "fake", "PYTHONIOENCODING": "ascii"}
    ran = shell(f"{SHELL} speakers list", **settings)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Zo?" in ran.stdout


def test_a_misspelt_setting_is_named(speakerid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_STROE", "voices.db")
    ran = speakerid("version")
    assert ran.out == f"{package.__version__}\n"
    said = "SPEAKERID_STROE is no setting, and is not used. Did you mean SPEAKERID_STORE?"
    assert ran.err == f"unknown_setting: {said}\n"
    assert speakerid("version", "--json").problem == {"code": "unknown_setting", "error": said}


def test_what_kubernetes_says_of_a_service_named_speakerid_is_no_setting(
    speakerid: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its SPEAKERID_PORT is an address, and kept other programs from starting."""
    for name, value in (
        ("PORT", "tcp://10.0.0.1:8700"), ("SERVICE_HOST", "10.0.0.1"), ("SERVICE_PORT", "8700"),
        ("SERVICE_PORT_HTTP", "8700"), ("PORT_8700_TCP", "tcp://10.0.0.1:8700"), ("PORT_8700_TCP_ADDR", "10.0.0.1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"SPEAKERID_{name}", value)
    ran = speakerid("db", "upgrade")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.slow
def test_a_user_without_a_home_is_served(enrolled: Command, tmp_path: Path) -> None:
    """As systemd and cron start commands: no HOME, a working directory of root."""
    store, search = f"--store {enrolled.store}", Path(package.__file__).parent.parent
    line = f"cd / && env -i PYTHONPATH={search} PATH={os.environ['PATH']} {SHELL} speakers list --encoder fake {store}"
    ran = shell(line)
    assert (ran.returncode, ran.stderr) == (0, "")
