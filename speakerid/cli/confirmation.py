"""Ask before something is destroyed: a person at a terminal; never a script, which cannot answer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal nothing is asked anyway.")]


def confirm(question: str, yes: bool) -> None:
    """Raises typer.Abort (exit code 1) unless the answer is yes; asked on stderr, so that stdout stays the answer's."""
    if yes or not at_terminal():
        return
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)  # typer.confirm leaves a blank on stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort


def at_terminal() -> bool:
    return sys.stdin.isatty()
