"""`speakerid recording`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.channel import one_channel
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, number, say, table
from speakerid.cli.settings import read_settings
from speakerid.cli.voices import server_url
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.timeline import Recording, Sides


class Format(StrEnum):
    table = "table"
    json = "json"
    rttm = "rttm"
    srt = "srt"
    csv = "csv"
    png = "png"


@with_options
def recording(
    target: Target,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording of several people.")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="By default what --out ends in, or a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Write here, not to stdout.")] = None,
    speakers: Annotated[int | None, typer.Option("--speakers", min=1, help="How many speak, if known.")] = None,
    min_speakers: Annotated[int | None, typer.Option("--min-speakers", min=1, help="At least how many speak.")] = None,
    max_speakers: Annotated[int | None, typer.Option("--max-speakers", min=1, help="At most how many speak.")] = None,
    candidates: Annotated[
        str | None, typer.Option("--candidates", metavar="A,B", help="Only these speakers may be named (names or ids).")
    ] = None,
    channel: Annotated[
        str, typer.Option("--channel", help="mix, split (each channel is its own side of a call), or a number from 0.")
    ] = "mix",
) -> None:
    """Who speaks when? A timeline of known speakers and stable unknown voices."""
    wanted = Format.json if target.as_json else format_ or _from_suffix(out)
    if wanted is Format.png and out is None:
        raise typer.BadParameter("A picture needs a file. Name it with --out.")
    if wanted is Format.png:
        require("matplotlib")
    url = server_url(target)
    sides = _sides(channel)
    names = None if candidates is None else tuple(one.strip() for one in candidates.split(",") if one.strip())
    asked = _Asked(file, (speakers, min_speakers, max_speakers), names, sides)
    found = _here(target, asked) if url is None else _there(target, url, asked)
    _write(found, wanted, out, file.stem)


@dataclass(frozen=True)
class _Asked:
    file: Path
    speakers: tuple[int | None, int | None, int | None]  # exactly, at least, at most
    candidates: tuple[str, ...] | None
    sides: Sides


def _here(target: Target, asked: _Asked) -> Recording:
    from speakerid.cli.local import Local  # numpy, SQLAlchemy, onnxruntime: 1.2 s
    from speakerid.services.recording import RecordingOptions
    from speakerid.services.speaker_count import SpeakerCount

    with (
        Local.open(read_settings(store=target.store, encoder=target.encoder), target.gallery) as local,
        _watched(asked.file.name) as watch,
    ):
        options = RecordingOptions(SpeakerCount(*asked.speakers), asked.candidates, asked.sides)
        return local.recording(asked.file, options, watch)


def _there(target: Target, url: str, asked: _Asked) -> Recording:
    from speakerid.client import Client
    from speakerid.timeline import Recording
    from speakerid.types import from_json

    with Client(url, target.key, target.gallery) as client, _watched(asked.file.name) as watch:
        exactly, least, most = asked.speakers
        answer = client.recording(
            asked.file,
            speakers=exactly,
            min_speakers=least,
            max_speakers=most,
            candidates=asked.candidates,
            channel=asked.sides,
            watch=watch,
        )
    return from_json(Recording, answer)


def _from_suffix(out: Path | None) -> Format:
    suffix = "" if out is None else out.suffix.lower().removeprefix(".")
    return next((one for one in Format if one.value == suffix), Format.table)


def _sides(channel: str) -> Sides:
    return "split" if channel == "split" else one_channel(channel, "split, ")


@contextmanager
def _watched(name: str) -> Iterator[Callable[[float, float | None], None]]:
    """A progress bar on stderr, only when a person watches."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Listening to {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _write(found: Recording, wanted: Format, out: Path | None, name: str) -> None:
    if wanted is Format.table and out is None:
        _show(found)
    elif wanted is Format.json and out is None:
        from speakerid.types import to_json

        emit(to_json(found))
    elif out is None:
        typer.echo(_content(found, wanted, name).decode(), nl=False)
    else:
        try:
            out.write_bytes(_content(found, wanted, name))
        except OSError as error:
            raise typer.BadParameter(f"{str(out)!r} cannot be written ({error.strerror}).") from error


def _content(found: Recording, wanted: Format, name: str) -> bytes:
    import json

    from speakerid.diarization import formats, picture
    from speakerid.types import to_json

    if wanted is Format.png:
        return picture.png(found)
    if wanted is Format.rttm:
        return formats.rttm(found, name).encode()
    if wanted is Format.srt:
        return formats.srt(found).encode()
    if wanted is Format.csv:
        return formats.csv_rows(found).encode()
    return json.dumps(to_json(found), indent=1).encode() + b"\n"


def _show(found: Recording) -> None:
    from speakerid.diarization.formats import clock, labels

    called = labels(found)
    say(found.reason if found.id is None else f"{found.reason} Kept as {found.id}.")
    if not found.voices:
        return
    table(
        ("voice", "id", "decision", "best candidate", "llr", "probability", "speech (s)"),
        [
            (
                called[one.voice],
                one.unknown_id or one.voice,
                one.decision,
                one.candidates[0].speaker.name if one.candidates else "–",
                number(one.candidates[0].llr if one.candidates else None, 2),
                number(one.candidates[0].probability if one.candidates else None, 3),
                number(one.speech.seconds),
            )
            for one in found.voices
        ],
    )
    split = any(turn.channel is not None for turn in found.turns)
    overlap = any(turn.overlap for turn in found.turns)
    table(
        ("start", "end", *(("channel",) if split else ()), "who", *(("overlap",) if overlap else ())),
        [
            (
                clock(one.start),
                clock(one.end),
                *((str(one.channel),) if split else ()),
                called[one.voice],
                *(("yes" if one.overlap else "",) if overlap else ()),
            )
            for one in found.turns
        ],
    )
