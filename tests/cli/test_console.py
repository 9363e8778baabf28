"""Answers, progress, questions and errors as they reach the terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from speakerid import errors, samples
from speakerid.cli.batch import STOPS
from speakerid.cli.console import Watcher, json_line, number, plain, progress, table
from speakerid.cli.main import app
from tests.cli.command import Command
from tests.sampled import ADA


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert plain("a\x1b[31mb\udcff.wav") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}.wav"
    assert plain("Zoë 李\n") == "Zoë 李\n"
    assert plain("نیلوفر\u200cها 👩\u200d🚀 山田\u3000太郎") == "نیلوفر\u200cها 👩\u200d🚀 山田\u3000太郎"
    assert plain("\u202eevE\ufeff\uffff") == "�evE��"


def test_json_is_ascii_and_has_whole_characters() -> None:
    assert json_line({"file": "a\udceb.wav", "name": "👩\u200d🚀 \\ud83d"}) == (
        '{"file": "a\\ufffd.wav", "name": "\\ud83d\\udc69\\u200d\\ud83d\\ude80 \\\\ud83d"}'
    )


NAMES = ("Ada", "山田太郎", "Zoe\u0308", "نیلوفر\u200cها", "👩\u200d🚀", "김민준", "क्षमा")


def test_names_of_every_width_align(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "id"), [(name, "x") for name in NAMES])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.rstrip().endswith(" x")]
    assert len(rows) == len(NAMES)
    assert {cell_len(row.rstrip()) for row in rows} == {cell_len(rows[0].rstrip())}


def test_a_long_name_is_not_cut_and_leaves_the_id_whole(capsys: pytest.CaptureFixture[str]) -> None:
    ids = "spk_01M8G3RH4W44ET3Z36DNV93T3X"
    table(("name", "id"), [("x" * 1000, ids)])
    out = capsys.readouterr().out
    assert (out.count("x"), "…" in out, ids in out) == (1000, False, True)
    assert {len(line) for line in out.splitlines() if line.strip()} == {160}


THEN = "then"
# Each command in a process of its own, forked once everything is loaded: starting Python eight times takes longer.
EACH = f"""
import os, sys
import faiss, speakerid.bootstrap, speakerid.services.identify, speakerid.services.recordings.worker
from speakerid.cli import main
folder, words, nth, codes = sys.argv[1], [], 0, []
for word in sys.argv[2:]:
    if word != {THEN!r}:
        words.append(word)
        continue
    if os.fork() == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.path.join(folder, f"{{nth}}.{{stream}}"), os.O_CREAT | os.O_WRONLY), stream)
        sys.argv = ["speakerid", *words]
        main.app(prog_name="speakerid")
        sys.exit()
    codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    words, nth = [], nth + 1
print(*codes)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "cp932"},
    ],
    ids=str,
)
def test_no_console_stops_a_command(enrolled: Command, tmp_path: Path, environment: dict[str, str]) -> None:
    name = "Zoë 山田 👩\u200d🚀"
    enrolled("speakers", "change", ADA, "--name", name)
    audio = shutil.copy(samples.voices()[ADA].probes[0], tmp_path / "Zoë 山田.opus")
    env = os.environ | {"SPEAKERID_STORE": str(enrolled.store), "SPEAKERID_ENCODER": "fake"} | environment
    commands = {
        ("speakers", "list"): 0,
        ("identify", audio): 0,
        ("recording", audio): 0,
        ("speakers", "show", "山田"): 1,
        ("identify", "山田.wav", audio): 1,
        ("--help",): 0,
        ("identify", audio, "--json"): 0,
        ("recording", audio, "--format", "srt"): 0,
    }
    each = [word for words in commands for word in (*words, THEN)]
    ran = subprocess.run([sys.executable, "-c", EACH, tmp_path, *each], capture_output=True, env=env, timeout=300)
    assert ran.stdout.split() == [b"%d" % code for code in commands.values()], ran.stderr
    printed, complaints = (
        [(tmp_path / f"{nth}.{stream}").read_bytes() for nth in range(len(commands))] for stream in (1, 2)
    )
    assert [one for one in complaints if b"Traceback" in one] == []
    assert json.loads(printed[-2])["speaker"]["name"] == name
    assert name in printed[-1].decode()


def test_numbers() -> None:
    assert (number(None), number(1.25), number(0.5, 3)) == ("–", "1.2", "0.500")


def test_progress_in_a_log_says_how_far_it_is_and_says_the_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(quiet=False) as watcher:
        show = watcher.share("Moving")
        for done in (0, 50, 100, 100):
            show(done, 100)
    assert capsys.readouterr().err.splitlines() == ["Moving: 0 %", "Moving: 100 %"]


def test_progress_is_for_terminals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(progress([1, 2, 3], "Working")) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(progress([1, 2, 3], "Working")) == [1, 2, 3]
    assert "Working" in screen.getvalue()
    assert capsys.readouterr().out == ""


DESTROYING = (
    ("speakers", "delete", "Nobody"),
    ("speakers", "delete-utterance", "Nobody", "utt_1"),
    ("speakers", "opt-out", "Nobody"),
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


@pytest.mark.parametrize("command", DESTROYING, ids=" ".join)
def test_without_a_terminal_it_has_to_be_said(enrolled: Command, command: tuple[str, ...]) -> None:
    ran = enrolled(*command)
    assert (ran.code, "--yes is needed" in ran.err, "_not_found" in ran.err) == (2, True, False)
    assert "_not_found: " in enrolled(*command, "--yes").err


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
    child = subprocess.run(command, stdin=theirs, capture_output=True, text=True, env=env, timeout=300)
    os.close(theirs)
    os.close(ours)
    assert (child.returncode, child.stdout) == (1, "")
    assert f"Erase {ADA}" in child.stderr
    assert ADA in enrolled("speakers", "list").out


FROM_CLIENT = {"server_unreachable", "unexpected_answer", "no_such_path"}


def _codes(tree: type[errors.SpeakeridError] = errors.SpeakeridError) -> Iterator[str]:
    yield tree.code
    for kind in tree.__subclasses__():
        yield from _codes(kind)


def test_the_codes_that_stop_a_batch_exist() -> None:
    assert set(_codes()) | FROM_CLIENT >= STOPS


@pytest.mark.parametrize(
    ("environment", "code", "exit_code"),
    [
        ({"SPEAKERID_ENCODER": "no-such"}, "encoder_not_found", 1),
        ({"SPEAKERID_STORE": "mysql://here/x"}, "store_unavailable", 1),
        ({"SPEAKERID_STORE": "postgresql://127.0.0.1:1/x"}, "store_unavailable", 1),
        ({"SPEAKERID_PRIOR": "2"}, "settings_error", 2),
        ({"SPEAKERID_URL": "http://127.0.0.1:1"}, "server_unreachable", 1),
    ],
    ids=lambda value: str(value),
)
def test_one_sentence_and_no_traceback(
    speakerid: Command, environment: dict[str, str], code: str, exit_code: int
) -> None:
    ran = speakerid("speakers", "list", **environment)
    assert (ran.code, ran.out) == (exit_code, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"{code}: ")
    assert set(speakerid("speakers", "list", "--json", **environment).problem) == {"code", "error"}


def test_a_file_that_is_no_store(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are notes, and long enough not to be an empty database " * 3)
    assert (
        speakerid("speakers", "list", "--store", tmp_path / "notes.db", "--json").problem["code"] == "store_unavailable"
    )


def test_bugs_keep_their_traceback(speakerid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    assert speakerid("db", "upgrade").code == 0
    monkeypatch.setattr("speakerid.verbs.SpeakerID.speakers", broken)
    with pytest.raises(ZeroDivisionError):
        speakerid("speakers", "list")
