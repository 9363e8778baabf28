"""Tables on a terminal, or in a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Column, Table

PIPED_WIDTH = 160  # columns of a table that goes into a file or a pipe


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None) -> None:
    """Raises BrokenPipeError when whoever reads has gone."""
    # A long name goes on in the next line; with an ellipsis neither it nor the id beside it could be used.
    folded = (Column(name, overflow="fold") for name in columns)
    shown = Table(*folded, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    # Names come from people: brackets and colons in them are not markup or emoji.
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    _Printed(width=width, markup=False, emoji=False, highlight=False).print(shown)


class _Printed(Console):
    def on_broken_pipe(self) -> None:
        """The edge of the command ends it."""
        raise BrokenPipeError
