"""What goes to stdout: JSON lines for programs, tables and sentences for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 160  # columns of a table that goes into a file or a pipe


def emit(answer: Any) -> None:
    """One JSON value on one line; an answer of `speakerid.types` as the API sends it."""
    typer.echo(json.dumps(answer, default=_answer_json))


def _answer_json(answer: object) -> Any:
    from speakerid.types import to_json  # numpy and pydantic: 0.3 s

    return to_json(answer)


def say(text: str) -> None:
    typer.echo(plain(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    shown = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(*(plain(cell) for cell in row))
    # Names come from people: brackets and colons in them are not markup or emoji.
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(width=width, markup=False, emoji=False, highlight=False).print(shown)


def plain(text: str) -> str:
    """Without control characters, which file names may hold and terminals obey."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def seconds_of(moment: datetime) -> str:
    """Date and time to the second, in UTC."""
    return moment.isoformat()[:19]


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
