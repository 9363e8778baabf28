"""`--channel`: which channels of a recording are meant."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

OneChannel = Annotated[
    str, typer.Option("--channel", help="mix, or the number of a channel, counted from 0: one side of a call.")
]


def one_channel(text: str, others: str = "") -> Literal["mix"] | int:
    """Raises typer.BadParameter; `others` says what else would have been right."""
    if text == "mix":
        return "mix"
    if text.isascii() and text.isdecimal():
        return int(text)
    raise typer.BadParameter(f"--channel is mix, {others}or the number of a channel, counted from 0.")
