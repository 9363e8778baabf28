"""Errors become one sentence on stderr and an exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import typer

from speakerid.errors import SettingsError, SpeakeridError
from speakerid.errors.extras import extra_missing

REFUSED = 1
USAGE = 2


@dataclass(frozen=True)
class Problem:
    """What the API's problem documents and the command line have in common."""

    code: str
    error: str  # a sentence for a person
    facts: dict[str, Any] = field(default_factory=dict)  # more, for a program

    @property
    def json(self) -> dict[str, Any]:
        return {"code": self.code, "error": self.error} | self.facts


def problem_of(error: Exception) -> Problem | None:
    """None for a bug: its traceback is wanted."""
    if isinstance(error, ImportError):
        error = extra_missing(error) or error
    if isinstance(error, SpeakeridError):
        return Problem(error.code, str(error), error.facts)
    from speakerid.client import ClientError  # httpx: 0.1 s, not worth it before something went wrong

    return Problem(error.code, error.detail, error.facts) if isinstance(error, ClientError) else None


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Raises typer.Exit in place of an error of the tree."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        tell(problem, as_json)
        raise typer.Exit(USAGE if isinstance(error, SettingsError) else REFUSED) from error


def tell(problem: Problem, as_json: bool) -> None:
    sentence = " ".join(problem.error.split())  # a database's own words may come in several lines
    typer.echo(json.dumps(problem.json) if as_json else f"{problem.code}: {sentence}", err=True)


def refuse_if(refused: bool) -> None:
    """The exit code for an answer that was printed all the same."""
    if refused:
        raise typer.Exit(REFUSED)
