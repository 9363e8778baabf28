from __future__ import annotations

import subprocess
import sys

import pytest
import typer

import speakerid as package
from speakerid.cli.main import app
from tests.cli.command import Command

SLOW = {"numpy", "sqlalchemy", "onnxruntime", "faiss", "fastapi", "pydantic", "httpx", "uvicorn", "torch"}
LOADED = """
import sys
from speakerid.cli.main import app
try:
    app(["--help"])
except SystemExit:
    print("LOADED", *{name.split(".")[0] for name in sys.modules})
"""


def _commands() -> list[list[str]]:
    """The words that lead to every command."""
    plain = [[one.name or one.callback.__name__] for one in app.registered_commands if one.callback]
    return plain + [words for group in app.registered_groups for words in _of_group(group.typer_instance)]


def _of_group(group: typer.Typer | None) -> list[list[str]]:
    assert group is not None
    name = str(group.info.name)
    return [[name, one.name or one.callback.__name__] for one in group.registered_commands if one.callback]


def test_help_loads_nothing_slow() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=300)
    assert set(ran.stdout.split("LOADED")[1].split()) & SLOW == set()


@pytest.mark.parametrize("names", _commands(), ids=" ".join)
def test_every_command_and_option_is_described(speakerid: Command, names: list[str]) -> None:
    command = typer.main.get_command(app)
    for name in names:
        command = command.commands[name]  # type: ignore[attr-defined]  # a group
    assert command.help
    assert [one.name for one in command.params if one.param_type_name == "option" and not one.help] == []  # type: ignore[attr-defined]  # as above
    ran = speakerid(*names, "--help")
    assert ran.code == 0
    assert "--json" in ran.out


def test_version_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "speakerid.cli", "version"], capture_output=True, text=True, check=True, timeout=300
    )
    assert ran.stdout == f"{package.__version__}\n"


def test_version(speakerid: Command) -> None:
    assert speakerid("version", "--json").json == {"version": package.__version__}
    assert not speakerid.store.exists()


def test_an_unknown_command_is_wrong_usage(speakerid: Command) -> None:
    assert speakerid("transmogrify").code == 2
