"""`speakerid recording`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import Watcher, echo, echo_lost, emit, number, table
from speakerid.cli.inputs import PIPED_RECORDING_BYTES, STDIN, audio_of, check_stdin
from speakerid.cli.options import Candidates, Tagged, Target, names_in, one_channel, refuse_unwritable, with_options
from speakerid.errors.extras import require
from speakerid.names import from_filename, quoted_path

if TYPE_CHECKING:
    from speakerid.types import Recording, Sides


OutputFormat = Literal["table", "json", "rttm", "srt", "vtt", "csv", "png"]
IN_FILES: tuple[OutputFormat, ...] = ("json", "rttm", "srt", "vtt", "csv", "png")


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
    tag: Tagged = None,
    channel: Annotated[
        str, typer.Option("--channel", help="mix, split (each channel is its own side of a call), or a number from 0.")
    ] = "mix",
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it, in lists and in RTTM. By default the file's name.")
    ] = None,
) -> None:
    """Who speaks when? A timeline of known speakers and stable unknown voices. FILE may be a pipe, or - for stdin."""
    wanted = _wanted("json" if target.as_json else format_, out)
    refuse_unwritable(out, "--out")
    if wanted == "png":
        require("matplotlib")
    sides, called = _sides(channel), name or _named_after(file)
    check_stdin([file])
    with open_backend(target) as backend, Watcher(quiet=not sys.stderr.isatty()) as watcher:
        found = backend.recording(
            audio_of(file, PIPED_RECORDING_BYTES),
            speakers=speakers,
            min_speakers=min_speakers,
            max_speakers=max_speakers,
            candidates=names_in(candidates),
            tags=tag,
            channel=sides,
            name=called,
            watch=watcher.share(f"Listening to {file.name}"),
        )
    _write(found, wanted, out, called)


def _wanted(format_: OutputFormat | None, out: Path | None) -> OutputFormat:
    """Raises typer.BadParameter before any work is done for an answer that could not be written."""
    if out is None:
        if format_ == "png":
            raise typer.BadParameter("A picture needs a file. Name it with --out.")
        return format_ or "table"
    suffix = out.suffix.lower().removeprefix(".")
    named = next((one for one in IN_FILES if one == suffix), None)
    wanted = format_ or named
    if wanted is None or named not in (None, wanted):
        problem = (
            f"--format {format_} and {out.name} contradict each other" if format_ else f"Say what {out.name} shall be"
        )
        raise typer.BadParameter(f"{problem}. End it in {', '.join(f'.{one}' for one in IN_FILES)}, or use --format.")
    if wanted == "table":
        raise typer.BadParameter("A table is for the terminal. Give another --format, or no --out.")
    return wanted


def _named_after(file: Path) -> str:
    return "stdin" if file == STDIN else from_filename(file) or "recording"


def _sides(channel: str) -> Sides:
    return "split" if channel == "split" else one_channel(channel, "split, ")


def _write(found: Recording, wanted: OutputFormat, out: Path | None, name: str) -> None:
    if wanted == "table" and out is None:
        _show(found)
    elif wanted == "json" and out is None:
        emit(found)
    elif out is None:
        typer.echo(_content(found, wanted, name), nl=False)  # bytes: UTF-8 whatever the console has
    else:
        try:
            out.write_bytes(_content(found, wanted, name))
        except OSError as error:
            raise typer.BadParameter(f"{quoted_path(out)} cannot be written ({error.strerror}).") from error


def _content(found: Recording, wanted: OutputFormat, name: str) -> bytes:
    import json

    from speakerid.diarization import formats
    from speakerid.types import to_json

    if wanted == "png":
        return formats.png(found)
    if wanted in formats.WRITERS:
        return formats.WRITERS[wanted](found, name).encode()
    return json.dumps(to_json(found), indent=1).encode() + b"\n"


def _show(found: Recording) -> None:
    from speakerid.diarization.formats import clock, labels

    called = labels(found)
    echo(found.reason if found.id is None else f"{found.reason} Kept as {found.id}.")
    echo_lost(found.lost_seconds)
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
