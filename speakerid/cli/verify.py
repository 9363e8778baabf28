"""`speakerid verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.channel import OneChannel, one_channel
from speakerid.cli.errors import refuse_if
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, number, say


@with_options
def verify(
    target: Target,
    speaker: Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name or id.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    channel: OneChannel = "mix",
) -> None:
    """Is NAME the speaker of FILE?

    Exit code 0 only for accept, so that a script may write `speakerid verify Ada call.wav && …`; 1 for reject,
    not_enough_speech and every error. The answer on stdout tells them apart; after an error there is none.
    """
    picked = one_channel(channel)
    with open_backend(target) as backend:
        answer = backend.verify(speaker, file, channel=picked)
    if target.as_json:
        emit(answer)
    else:
        say(f"{answer.decision}: {answer.speaker.name} ({answer.speaker.id})")
        say(f"{answer.reason} Probability {number(answer.probability, 3)}.")
    refuse_if(answer.decision != "accept")
