"""`speakerid unknowns`: list, show, promote, dismiss."""

from __future__ import annotations

from typing import Annotated

import typer

from speakerid.cli.backend import open_voices
from speakerid.cli.batch import Json
from speakerid.cli.confirmation import Yes, confirm
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, number, plain, say, table

app = typer.Typer(
    name="unknowns",
    help="Voices of recordings that are nobody enrolled: list, show, promote, dismiss.",
    no_args_is_help=True,
)
UnknownId = Annotated[str, typer.Argument(metavar="ID", help="The voice's id: unk_…")]


@app.command("list")
@with_options
def list_unknowns(
    target: Target,
    min_recordings: Annotated[
        int, typer.Option("--min-recordings", min=1, help="2: only voices that were heard again.")
    ] = 1,
) -> None:
    """The kept voices, oldest first. They are kept where the gallery says so: `galleries set --keep-unknown-voices`."""
    with open_voices(target) as voices:
        found = voices.unknowns(min_recordings=min_recordings)
    if target.as_json:
        emit({"items": found, "next_cursor": None})
    else:
        _show(found)


@app.command()
@with_options
def show(target: Target, unknown: UnknownId) -> None:
    """One voice, and where it was heard."""
    from speakerid.diarization.formats import clock

    with open_voices(target) as voices:
        found = voices.unknown(unknown)
    if target.as_json:
        emit(found)
        return
    _show([found["unknown"]])
    table(
        ("recording", "voice", "received", "start", "end"),
        [
            (one["recording"], one["voice"], one["received_at"][:19], clock(turn["start"]), clock(turn["end"]))
            for one in found["hearings"]
            for turn in one["turns"]
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
    """Enroll the voice from where it was heard. Past recordings name the speaker from then on."""
    fields = {} if external_id is None else {"external_id": external_id}
    with open_voices(target) as voices:
        done = voices.promote(unknown, name, accept=[accept], **fields)
    if target.as_json:
        emit(done)
    else:
        speaker = done["speaker"]
        say(f"{speaker['name']} ({speaker['id']}) is enrolled from it; recordings that name the speaker now:")
        say("\n".join(f"  {one}" for one in done["recordings"]))


@app.command()
@with_options
def dismiss(target: Target, unknown: UnknownId, yes: Yes = False) -> None:
    """Forget the voice. Nothing is left to know it by: heard again, it is a new one. With --json nothing is printed."""
    confirm(f"Forget the voice {plain(unknown)}? There is no way back.", yes)
    with open_voices(target) as voices:
        voices.dismiss(unknown)
    if not target.as_json:
        say(f"Forgot {unknown}.")


def _show(found: list[Json]) -> None:
    table(
        ("id", "recordings", "speech (s)", "first heard", "last heard"),
        [
            (
                one["id"],
                str(one["recordings"]),
                number(one["speech_seconds"]),
                one["first_heard_at"][:19],
                one["last_heard_at"][:19],
            )
            for one in found
        ],
    )
