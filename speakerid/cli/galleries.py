"""`speakerid galleries`: list, create, set, history, undo, export, import, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from speakerid.cli.backend import is_local, open_backend
from speakerid.cli.console import answer, answer_all, confirm, echo, plain, seconds_of, table
from speakerid.cli.options import Place, Target, Yes, refuse_unwritable, with_options

if TYPE_CHECKING:
    from speakerid.types import Change, Gallery, GalleryExport, GalleryImport

app = typer.Typer(name="galleries", help="List, create, set, repair, move and delete galleries.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="GALLERY")]


@dataclass(frozen=True)
class GalleryOptions(Place):
    """Settings of a gallery; None where an option was not given."""

    target_fpir: Annotated[
        float | None, typer.Option("--target-fpir", help="Accepted chance that a stranger is named, e.g. 0.01.")
    ] = None
    min_speech_seconds: Annotated[
        float | None, typer.Option("--min-speech-seconds", help="Net speech a recording needs.")
    ] = None
    enroll_speech_seconds: Annotated[
        float | None, typer.Option("--enroll-speech-seconds", help="Net speech that completes enrollment.")
    ] = None
    keep_audio: Annotated[
        bool | None, typer.Option("--keep-audio/--no-keep-audio", help="Keep the bytes of enrollment utterances.")
    ] = None
    combining: Annotated[
        Literal["mean", "weighted"] | None,
        typer.Option(
            "--combining", help="Utterances become a voiceprint by their mean, or weighted by seconds of speech."
        ),
    ] = None
    keep_unknown_voices: Annotated[
        bool | None,
        typer.Option(
            "--keep-unknown-voices/--no-keep-unknown-voices",
            help="Keep voiceprints of people in recordings who are not enrolled. Switching it off forgets them all.",
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        own = {one.name for one in fields(self)} - {one.name for one in fields(Place)}
        return {name: getattr(self, name) for name in own if getattr(self, name) is not None}


@app.command("list")
@with_options
def list_galleries(place: Place) -> None:
    """Every gallery."""
    with open_backend(place) as backend:
        found = backend.galleries()
    answer({"items": found}, lambda all_: _show(all_["items"]), as_json=place.as_json)


@app.command()
@with_options
def create(settings: GalleryOptions, name: Name) -> None:
    """Make a gallery. Speakers are only ever compared inside one."""
    with open_backend(settings, "change") as backend:
        made = backend.create_gallery(name, **settings.given())
    answer(made, _show_one, as_json=settings.as_json)


@app.command("set")
@with_options
def change(settings: GalleryOptions, name: Name, yes: Yes = False) -> None:
    """Change the settings that are named."""
    if not settings.given():
        raise typer.BadParameter("Say what to set; --help lists the settings.")
    if settings.keep_unknown_voices is False:
        confirm(f"Forget every unknown voice that gallery {plain(name)} keeps? There is no way back.", yes)
    with open_backend(settings, "change") as backend:
        changed = backend.change_gallery(name, **settings.given())
    answer(changed, _show_one, as_json=settings.as_json)


@app.command()
@with_options
def history(target: Target) -> None:
    """Merges, moves and splits of the gallery, newest first."""
    with open_backend(target) as backend:
        found = backend.history()
    answer_all(found, _show_history, as_json=target.as_json)


@app.command()
@with_options
def undo(
    target: Target,
    change: Annotated[str, typer.Argument(metavar="[CHANGE]", help="Its id, or last.")] = "last",
) -> None:
    """Take back a merge, a move or a split."""
    with open_backend(target, "change") as backend:
        done = backend.undo(change)
    answer(done, lambda repair: echo(repair.summary), as_json=target.as_json)


@app.command("export")
@with_options
def export_gallery(
    place: Place,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make; never overwritten.")],
    audio: Annotated[bool, typer.Option("--audio", help="With the recordings that the gallery keeps.")] = False,
) -> None:
    """Write a gallery to one file, for `galleries import` on another machine or store.

    In it are its settings, calibration, speakers and their utterances, of one moment, also while it is served. Only
    its owner may read the file, which is plain also where the store is encrypted. Who is erased later is still in it.
    """
    refuse_unwritable(file, "FILE")
    with open_backend(place) as backend:
        done = backend.export_gallery(name, file, audio=audio)
    answer(done, lambda one: _show_export(one, file), as_json=place.as_json)


@app.command("import")
@with_options
def import_gallery(
    place: Place,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by `speakerid galleries export`.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it; by default what it was called.")] = None,
    reembed: Annotated[
        bool, typer.Option("--reembed", help="Of another encoder's: new embeddings, from the audio in the file.")
    ] = False,
) -> None:
    """Make the gallery that was exported: all of it, or nothing. The encoder has to be the one it had there, or
    --reembed makes new embeddings of the audio that `galleries export --audio` carried.

    An empty gallery of its name makes room; any other stays as it is, and --name gives the new one another. Ids stay
    what they are, but for those that the store has already: with --json new_speaker_ids and new_utterance_ids.
    """
    if is_local(place):
        _refuse_broken(file)
    with open_backend(place, "create") as backend:
        done = backend.import_gallery(file, name=name, reembed=reembed)
    answer(done, _show_import, as_json=place.as_json)


@app.command()
@with_options
def delete(place: Place, name: Name, yes: Yes = False) -> None:
    """Erase a gallery with all of its speakers. There is no way back. With --json nothing is printed."""
    confirm(f"Erase gallery {plain(name)} with all of its speakers? There is no way back.", yes)
    with open_backend(place, "change") as backend:
        backend.delete_gallery(name)
    if not place.as_json:
        echo(f"Erased gallery {name}.")


def _refuse_broken(file: Path) -> None:
    """Before a store is made for it. Raises FileMissing, GalleryFileError."""
    from speakerid.services.moving.reading import opened

    with opened(file) as found:
        found.check()


def _show_export(done: GalleryExport, file: Path) -> None:
    echo(f"Wrote {file}: {done.speakers} speakers, {done.utterances} utterances, {done.audio} with audio.")
    if done.left_out:
        echo(f"Left out, because they are damaged: {', '.join(done.left_out)}.")


def _show_import(done: GalleryImport) -> None:
    made = done.gallery
    echo(f"Made gallery {made.name}: {made.speakers} speakers, {done.utterances} utterances, {done.audio} with audio.")
    new = len(done.new_speaker_ids) + len(done.new_utterance_ids)
    if new:
        echo(f"{new} ids were taken in this store; --json lists the new ones.")


def _show_history(found: Sequence[Change]) -> None:
    table(("change", "what", "speaker", "into", "utterances", "state", "when"), [_change(one) for one in found])


def _change(one: Change) -> tuple[str, ...]:
    speaker, into = ((role.name if role else "") or "–" for role in (one.speaker, one.into))
    return (one.id, one.kind, speaker, into, str(len(one.utterances)), one.state, seconds_of(one.created_at))


def _show_one(gallery: Gallery) -> None:
    _show([gallery])


def _show(found: Sequence[Gallery]) -> None:
    table(
        (
            "name",
            "speakers",
            "target fpir",
            "min speech (s)",
            "enroll speech (s)",
            "keep audio",
            "combining",
            "unknown voices",
            "encoder",
        ),
        [
            (
                one.name,
                str(one.speakers),
                f"{one.target_fpir:g}",
                f"{one.min_speech_seconds:g}",
                f"{one.enroll_speech_seconds:g}",
                "yes" if one.keep_audio else "no",
                one.combining,
                f"kept, {one.unknown_voices}" if one.keep_unknown_voices else "not kept",
                one.encoder,
            )
            for one in found
        ],
    )
