"""`speakerid recording`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import Watcher, echo, emit, number, table
from speakerid.cli.options import Candidates, Target, names_in, one_channel, with_options
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.types import Recording, Sides


class OutputFormat(StrEnum):
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
        OutputFormat | None, typer.Option("--format", help="By default what --out ends in, or a table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Write here, not to stdout.")] = None,
    speakers: Annotated[int | None, typer.Option("--speakers", min=1, help="How many speak, if known.")] = None,
    min_speakers: Annotated[int | None, typer.Option("--min-speakers", min=1, help="At least how many speak.")] = None,
    max_speakers: Annotated[int | None, typer.Option("--max-speakers", min=1, help="At most how many speak.")] = None,
    candidates: Candidates = None,
    channel: Annotated[
        str, typer.Option("--channel", help="mix, split (each channel is its own side of a call), or a number from 0.")
    ] = "mix",
) -> None:
    """Who speaks when? A timeline of known speakers and stable unknown voices."""
    wanted = OutputFormat.json if target.as_json else format_ or _from_suffix(out)
    if wanted is OutputFormat.png and out is None:
        raise typer.BadParameter("A picture needs a file. Name it with --out.")
    if wanted is OutputFormat.png:
        require("matplotlib")
    sides = _sides(channel)
    with open_backend(target) as backend, Watcher(quiet=not sys.stderr.isatty()) as watcher:
        found = backend.recording(
            file,
            speakers=speakers,
            min_speakers=min_speakers,
            max_speakers=max_speakers,
            candidates=names_in(candidates),
            channel=sides,
            watch=watcher.share(f"Listening to {file.name}"),
        )
    _write(found, wanted, out, file.stem)


def _from_suffix(out: Path | None) -> OutputFormat:
    suffix = "" if out is None else out.suffix.lower().removeprefix(".")
    return next((one for one in OutputFormat if one.value == suffix), OutputFormat.table)


def _sides(channel: str) -> Sides:
    return "split" if channel == "split" else one_channel(channel, "split, ")


def _write(found: Recording, wanted: OutputFormat, out: Path | None, name: str) -> None:
    if wanted is OutputFormat.table and out is None:
        _show(found)
    elif wanted is OutputFormat.json and out is None:
        emit(found)
    elif out is None:
        typer.echo(_content(found, wanted, name).decode(), nl=False)
    else:
        try:
            out.write_bytes(_content(found, wanted, name))
        except OSError as error:
            raise typer.BadParameter(f"{str(out)!r} cannot be written ({error.strerror}).") from error


def _content(found: Recording, wanted: OutputFormat, name: str) -> bytes:
    import json

    from speakerid.diarization import formats
    from speakerid.types import to_json

    if wanted is OutputFormat.png:
        return formats.png(found)
    if wanted is OutputFormat.rttm:
        return formats.rttm(found, name).encode()
    if wanted is OutputFormat.srt:
        return formats.srt(found).encode()
    if wanted is OutputFormat.csv:
        return formats.csv_rows(found).encode()
    return json.dumps(to_json(found), indent=1).encode() + b"\n"


def _show(found: Recording) -> None:
    from speakerid.diarization.formats import clock, labels

    called = labels(found)
    echo(found.reason if found.id is None else f"{found.reason} Kept as {found.id}.")
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
