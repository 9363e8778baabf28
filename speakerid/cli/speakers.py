"""`speakerid speakers`: list, show, change, merge, move an utterance, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import answer, answer_all, confirm, echo, number, plain, table
from speakerid.cli.options import Target, Yes, with_options

if TYPE_CHECKING:
    from speakerid.types import Repair, Speaker

app = typer.Typer(name="speakers", help="List, show, change, merge and delete speakers.", no_args_is_help=True)
NameOrId = Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name or id.")]
UtteranceId = Annotated[str, typer.Argument(metavar="UTTERANCE", help="The utterance's id, as an audit names it.")]


@app.command("list")
@with_options
def list_speakers(target: Target) -> None:
    """Every speaker of the gallery, oldest first."""
    with open_backend(target) as backend:
        found = backend.speakers()
    answer_all(found, _show, as_json=target.as_json)


@app.command()
@with_options
def show(target: Target, speaker: NameOrId) -> None:
    """One speaker, and how far the enrollment is."""
    with open_backend(target) as backend:
        found = backend.speaker(speaker)
    answer(found, _show_one, as_json=target.as_json)


@app.command()
@with_options
def change(
    target: Target,
    speaker: NameOrId,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    external_id: Annotated[str | None, typer.Option("--external-id", help="Your own id of this speaker.")] = None,
) -> None:
    """Rename a speaker, or set your own id."""
    fields = {key: value for key, value in (("name", name), ("external_id", external_id)) if value is not None}
    if not fields:
        raise typer.BadParameter("Say what to change: --name or --external-id.")
    with open_backend(target) as backend:
        changed = backend.change_speaker(speaker, **fields)
    answer(changed, _show_one, as_json=target.as_json)


@app.command()
@with_options
def merge(
    target: Target,
    speaker: NameOrId,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The speaker that stays, by name or id.")],
) -> None:
    """Make two speakers one: the utterances of NAME go to INTO. `speakerid galleries undo` takes it back."""
    with open_backend(target) as backend:
        done = backend.merge(speaker, into)
    answer(done, _show_repair, as_json=target.as_json)


@app.command("move-utterance")
@with_options
def move_utterance(
    target: Target,
    speaker: NameOrId,
    utterance: UtteranceId,
    to: Annotated[str, typer.Argument(metavar="TO", help="Who speaks in it, by name or id.")],
) -> None:
    """Give an utterance of NAME to the speaker TO. `speakerid galleries undo` takes it back."""
    with open_backend(target) as backend:
        done = backend.move(speaker, utterance, to)
    answer(done, _show_repair, as_json=target.as_json)


@app.command("delete-utterance")
@with_options
def delete_utterance(target: Target, speaker: NameOrId, utterance: UtteranceId, yes: Yes = False) -> None:
    """Erase one recording of a speaker. There is no way back."""
    confirm(f"Erase the recording {plain(utterance)} of {plain(speaker)}? There is no way back.", yes)
    with open_backend(target) as backend:
        left = backend.delete_utterance(speaker, utterance)
    answer(left, _show_one, as_json=target.as_json)


@app.command()
@with_options
def delete(target: Target, speaker: NameOrId, yes: Yes = False) -> None:
    """Erase a speaker with everything known of their voice. There is no way back. With --json nothing is printed."""
    confirm(f"Erase {plain(speaker)} with everything known of their voice? There is no way back.", yes)
    with open_backend(target) as backend:
        backend.delete(speaker)
    if not target.as_json:
        echo(f"Erased {speaker}.")


def _show_repair(repair: Repair) -> None:
    echo(repair.summary)


def _show_one(speaker: Speaker) -> None:
    _show([speaker])


def _show(found: Sequence[Speaker]) -> None:
    table(
        ("name", "id", "external id", "status", "utterances", "speech (s)", "created"),
        [
            (
                one.name,
                one.id,
                one.external_id or "–",
                one.status,
                str(one.utterances),
                number(one.speech_seconds),
                f"{one.created_at:%Y-%m-%d}",
            )
            for one in found
        ],
    )
