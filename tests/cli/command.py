"""Run `speakerid …`, or another command of the project, inside the test process."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from speakerid.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def problem(self) -> Any:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        return json.loads(line)


@dataclass(frozen=True)
class Command:
    """`speakerid` with a store and the fake encoder in its environment."""

    store: Path
    app: typer.Typer = field(default=main.app, kw_only=True)

    def __call__(self, *arguments: str | Path, **environment: str) -> Ran:
        env = {"SPEAKERID_STORE": str(self.store), "SPEAKERID_ENCODER": "fake", "NO_COLOR": "1"} | environment
        result = CliRunner().invoke(self.app, [str(one) for one in arguments], env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True)
class Served(Command):
    """Also knows the address of a server on the same store."""

    url: str
