"""Whatever destroys asks a person first, and a script never."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from speakerid.cli.main import app
from tests.cli.command import Command
from tests.sampled import ADA

DESTROYING = (
    ("speakers", "delete", "Nobody"),
    ("speakers", "delete-utterance", "Nobody", "utt_1"),
    ("galleries", "delete", "nowhere"),
    ("galleries", "set", "nowhere", "--no-keep-unknown-voices"),
    ("keys", "revoke", "key_1"),
    ("unknowns", "dismiss", "unk_1"),
)


@dataclass(frozen=True)
class Ran:
    code: int
    err: str


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.cli.console.at_terminal", lambda: True)


def at_terminal(command: Command, *arguments: str, typed: str = "") -> Ran:
    env = {"SPEAKERID_STORE": str(command.store), "SPEAKERID_ENCODER": "fake"}
    result = CliRunner().invoke(app, list(arguments), env=env, input=typed)
    return Ran(result.exit_code, result.stderr)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("command", DESTROYING, ids=" ".join)
def test_no_means_that_nothing_is_done(enrolled: Command, command: tuple[str, ...]) -> None:
    for typed in ("n\n", "\n", ""):
        ran = at_terminal(enrolled, *command, typed=typed)
        assert (ran.code, "[y/N]" in ran.err, "_not_found" in ran.err) == (1, True, False)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("command", DESTROYING, ids=" ".join)
def test_yes_or_its_option_means_that_it_is(enrolled: Command, command: tuple[str, ...]) -> None:
    """What is named here is not there: that is found out only after the question."""
    assert "_not_found: " in at_terminal(enrolled, *command, typed="y\n").err
    ran = at_terminal(enrolled, *command, "--yes")
    assert ("[y/N]" in ran.err, "_not_found: " in ran.err) == (False, True)


@pytest.mark.usefixtures("_terminal")
def test_what_destroys_nothing_does_not_ask(enrolled: Command) -> None:
    assert at_terminal(enrolled, "galleries", "set", "default", "--keep-unknown-voices").code == 0
    assert at_terminal(enrolled, "speakers", "change", ADA, "--name", "Ada").code == 0


@pytest.mark.slow
def test_a_real_terminal_is_asked(enrolled: Command) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"SPEAKERID_STORE": str(enrolled.store), "SPEAKERID_ENCODER": "fake"}
    command = [sys.executable, "-m", "speakerid.cli", "speakers", "delete", ADA]
    os.write(ours, b"n\n")
    child = subprocess.run(command, stdin=theirs, capture_output=True, text=True, env=env, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert (child.returncode, child.stdout) == (1, "")
    assert f"Erase {ADA}" in child.stderr
    assert ADA in enrolled("speakers", "list").out
