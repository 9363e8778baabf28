"""`speakerid speakers`: list, show, change, merge, split, move an utterance, opt out, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import answer, answer_all, confirm, echo, number, plain, table
from speakerid.cli.options import Target, Yes, checked_tags, with_options

if TYPE_CHECKING:
    from speakerid.types import Repair, Speaker

app = typer.Typer(name="speakers", help="List, show, change, merge, split and delete speakers.", no_args_is_help=True)
NameOrId = Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name or id.")]
UtteranceId = Annotated[str, typer.Argument(metavar="UTTERANCE", help="The utterance's id, as an audit names it.")]


@app.command("list")
@with_options
def list_speakers(
    target: Target,
    expired: Annotated[bool, typer.Option("--consent-expired", help="Only those whose consent has ended.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")] = None,
) -> None:
    """Every speaker of the gallery, oldest first."""
    with open_backend(target) as backend:
        found = backend.speakers(consent_expired=expired, tag=tag)
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
    consent: Annotated[
        str | None,
        typer.Option("--consent", metavar="PURPOSE", help="What they agreed to, today; takes the place of before."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--consent-until", metavar="365d|DATE", help="When the consent ends, with --consent or alone."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Add this tag; repeatable.")] = None,
    untag: Annotated[
        list[str] | None, typer.Option("--untag", metavar="TAG", help="Take this tag away; repeatable.")
    ] = None,
) -> None:
    """Rename a speaker, set your own id, tag them, or note what they agreed to and until when.

    A speaker whose consent has ended is not recognized any more.
    """
    added, gone = checked_tags(tag or ()), checked_tags(untag or ())
    given = (("name", name), ("external_id", external_id))
    fields: dict[str, Any] = {key: value for key, value in given if value is not None}
    if not fields and consent is None and until is None and not tag and not untag:
        raise typer.BadParameter(
            "Say what to change: --name, --external-id, --consent, --consent-until, --tag or --untag."
        )
    with open_backend(target, "change") as backend:
        if consent is not None or until is not None:
            agreed = backend.speaker(speaker).consent if consent is None else _agreed(consent)
            fields["consent"] = agreed | ({} if until is None else {"expires_at": until})
        if added or gone:
            before = [*backend.speaker(speaker).tags, *added]
            fields["tags"] = [one for one in before if one not in gone]
        changed = backend.change_speaker(speaker, **fields)
    answer(changed, _show_one, as_json=target.as_json)


def _agreed(purpose: str) -> dict[str, Any]:
    return {"purpose": purpose, "given_at": datetime.now(UTC).date().isoformat()}


@app.command()
@with_options
def merge(
    target: Target,
    speaker: NameOrId,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The speaker that stays, by name or id.")],
) -> None:
    """Make two speakers one: the utterances of NAME go to INTO. `speakerid galleries undo` takes it back."""
    with open_backend(target, "change") as backend:
        done = backend.merge(speaker, into)
    answer(done, _show_repair, as_json=target.as_json)


@app.command()
@with_options
def split(
    target: Target,
    speaker: NameOrId,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="Of the new speaker.")],
    utterances: Annotated[list[str], typer.Argument(metavar="UTTERANCE", help="Ids of what the new speaker said.")],
) -> None:
    """Give utterances of NAME to a new speaker. `speakerid galleries undo` takes it back; merge is the opposite."""
    with open_backend(target, "change") as backend:
        done = backend.split(speaker, utterances, new_name)
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
    with open_backend(target, "change") as backend:
        done = backend.move(speaker, utterance, to)
    answer(done, _show_repair, as_json=target.as_json)


@app.command("delete-utterance")
@with_options
def delete_utterance(target: Target, speaker: NameOrId, utterance: UtteranceId, yes: Yes = False) -> None:
    """Erase one recording of a speaker. There is no way back."""
    confirm(f"Erase the recording {plain(utterance)} of {plain(speaker)}? There is no way back.", yes)
    with open_backend(target, "change") as backend:
        left = backend.delete_utterance(speaker, utterance)
    answer(left, _show_one, as_json=target.as_json)


@app.command("opt-out")
@with_options
def opt_out(target: Target, speaker: NameOrId, yes: Yes = False) -> None:
    """Erase everything known of their voice, and refuse to enroll them again. There is no way back.

    Their id, name and external id are kept for that; `speakerid speakers delete` erases these too and lifts it.
    """
    confirm(f"Erase the voice of {plain(speaker)}, and refuse to enroll them again? There is no way back.", yes)
    with open_backend(target, "change") as backend:
        left = backend.opt_out(speaker)
    answer(left, _show_one, as_json=target.as_json)


@app.command()
@with_options
def delete(target: Target, speaker: NameOrId, yes: Yes = False) -> None:
    """Erase a speaker with everything known of their voice. There is no way back. With --json nothing is printed."""
    confirm(f"Erase {plain(speaker)} with everything known of their voice? There is no way back.", yes)
    with open_backend(target, "change") as backend:
        backend.delete(speaker)
    if not target.as_json:
        echo(f"Erased {speaker}.")


def _show_repair(repair: Repair) -> None:
    echo(repair.summary)


def _show_one(speaker: Speaker) -> None:
    _show([speaker])


def _show(found: Sequence[Speaker]) -> None:
    table(
        ("name", "id", "external id", "tags", "status", "utterances", "speech (s)", "created"),
        [
            (
                one.name,
                one.id,
                one.external_id or "–",
                ", ".join(one.tags) or "–",
                one.status,
                str(one.utterances),
                number(one.speech_seconds),
                f"{one.created_at:%Y-%m-%d}",
            )
            for one in found
        ],
    )
