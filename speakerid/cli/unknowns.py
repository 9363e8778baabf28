"""`speakerid unknowns`: list, show, promote, dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import answer, answer_all, confirm, echo, number, plain, seconds_of, table
from speakerid.cli.options import Target, Yes, with_options

if TYPE_CHECKING:
    from speakerid.types import Promotion, UnknownVoice, UnknownVoiceDetails

app = typer.Typer(
    name="unknowns",
    help="Unknown voices of recordings: list, show, promote, dismiss.",
    no_args_is_help=True,
)
UnknownId = Annotated[str, typer.Argument(metavar="ID", help="The voice's id: unk_…")]


@app.command("list")
@with_options
def list_unknowns(
    target: Target,
    min_recordings: Annotated[
        int, typer.Option("--min-recordings", min=1, help="2: only voices of two recordings or more.")
    ] = 1,
) -> None:
    """The kept voices, oldest first. A gallery keeps them after `galleries set --keep-unknown-voices`."""
    with open_backend(target) as backend:
        found = backend.unknowns(min_recordings=min_recordings)
    answer_all(found, _show, as_json=target.as_json)


@app.command()
@with_options
def show(target: Target, unknown: UnknownId) -> None:
    """One voice, and the recordings it speaks in."""
    with open_backend(target) as backend:
        found = backend.unknown(unknown)
    answer(found, _show_details, as_json=target.as_json)


def _show_details(found: UnknownVoiceDetails) -> None:
    from speakerid.diarization.formats import clock

    _show([found.unknown])
    table(
        ("recording", "voice", "received", "start", "end"),
        [
            (one.recording, one.voice, seconds_of(one.received_at), clock(turn.start), clock(turn.end))
            for one in found.hearings
            for turn in one.turns
        ],
    )


@app.command()
@with_options
def promote(
    target: Target,
    unknown: UnknownId,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A new speaker's name, or the name or id of a known one.")
    ],
    accept: Annotated[
        str, typer.Option("--accept", metavar="CODE,CODE", help="Refusals of the enrollment coach to override.")
    ] = "",
    external_id: Annotated[str | None, typer.Option("--external-id", help="Your own id of a new speaker.")] = None,
) -> None:
    """Enroll the voice from its recordings. Past recordings name the speaker from then on."""
    fields = {} if external_id is None else {"external_id": external_id}
    with open_backend(target, "change") as backend:
        done = backend.promote(unknown, name, accept=[accept], **fields)
    answer(done, show_promotion, as_json=target.as_json)


def show_promotion(done: Promotion) -> None:
    echo(f"{done.speaker.name} ({done.speaker.id}) is enrolled from it; recordings that name the speaker now:")
    echo("\n".join(f"  {one}" for one in done.recordings))


@app.command()
@with_options
def dismiss(target: Target, unknown: UnknownId, yes: Yes = False) -> None:
    """Forget the voice. Nothing is left to recognize it by: in a later recording it is a new one.

    With --json nothing is printed.
    """
    confirm(f"Forget the voice {plain(unknown)}? There is no way back.", yes)
    with open_backend(target, "change") as backend:
        backend.dismiss(unknown)
    if not target.as_json:
        echo(f"Forgot {unknown}.")


def _show(found: Sequence[UnknownVoice]) -> None:
    table(
        ("id", "recordings", "speech (s)", "first heard", "last heard"),
        [
            (
                one.id,
                str(one.recordings),
                number(one.speech_seconds),
                seconds_of(one.first_heard_at),
                seconds_of(one.last_heard_at),
            )
            for one in found
        ],
    )
