"""`speakerid enroll`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli import batch
from speakerid.cli.backend import open_backend
from speakerid.cli.batch import BatchResult, FileDone, FileJob
from speakerid.cli.console import echo, number, refuse_if, table
from speakerid.cli.options import OneChannel, Target, one_channel, with_options

if TYPE_CHECKING:
    from speakerid.types import Enrollment, Speaker


@with_options
def enroll(
    target: Target,
    speaker: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The speaker's name or id; a new name makes a new speaker.")
    ] = None,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Recordings of this speaker.")] = None,
    tree: Annotated[
        Path | None,
        typer.Option(
            "--tree", metavar="DIR", exists=True, file_okay=False, help="A folder with one sub-folder per speaker."
        ),
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="CODE", help="Enroll in spite of this refusal; repeatable.")
    ] = None,
    channel: OneChannel = "mix",
) -> None:
    """Enroll recordings of one speaker, or of all speakers in a folder.

    A bad file is reported with its code and does not keep the others from being enrolled; --accept CODE enrolls what
    the enrollment coach refuses. Doing it again changes nothing. With several files each JSON line also names its
    file. Exit code 1 if any file was refused.
    """
    jobs, codes, picked = _jobs(speaker, files or [], tree), _codes(accept or []), one_channel(channel)
    with open_backend(target) as backend:
        done = batch.run(
            jobs,
            lambda job: backend.enroll(job.speaker, job.file, accept=codes, channel=picked),
            "Enrolling",
            as_json=target.as_json,
        )
    if not target.as_json:
        _show(done, alone=len(jobs) == 1)
    batch.report_bad(done.bad, as_json=target.as_json)
    refuse_if(bool(done.bad))


def _jobs(speaker: str | None, files: Sequence[Path], tree: Path | None) -> list[FileJob]:
    if tree is not None:
        if speaker is not None:
            raise typer.BadParameter("Give either NAME and FILE… or --tree DIR, not both.")
        from speakerid.audio.files import speaker_tree

        return [FileJob(file, name) for name, found in speaker_tree(tree).items() for file in found]
    if speaker is None or not files:
        raise typer.BadParameter("Give NAME and at least one FILE, or --tree DIR.")
    return [FileJob(file, speaker) for file in files]


def _codes(accept: Sequence[str]) -> Sequence[str]:
    """Raises typer.BadParameter for codes that there are not."""
    if not accept:
        return accept
    from speakerid.errors import InvalidRequest
    from speakerid.services import validation

    try:
        return sorted(validation.accepted(accept))
    except InvalidRequest as error:
        raise typer.BadParameter(str(error)) from error


def _show(result: BatchResult[Enrollment], *, alone: bool) -> None:
    last = {one.answer.speaker.id: one for one in result.done}
    if alone or len(last) == 1:
        for one in last.values():
            _show_one(one)
    elif last:
        table(("speaker", "id", "utterances", "speech (s)", "status"), [_row(one) for one in last.values()])
    known = sum(one.answer.already_enrolled for one in result.done)
    if not alone:
        for one in result.done:
            if one.answer.warnings:
                echo(f"{one.job.file}: {_remarks(one)}.")
        echo(f"Enrolled {len(result.done) - known} files; {known} {'was' if known == 1 else 'were'} enrolled before.")


def _show_one(done: FileDone[Enrollment]) -> None:
    speaker, cohesion = done.answer.speaker, done.answer.cohesion
    if done.answer.already_enrolled:
        echo("The same recording was enrolled before: nothing changed.")
    echo(f"{speaker.name} ({speaker.id}): {speaker.speech_seconds} s of speech, {_status(speaker)}.")
    if cohesion is not None:
        llr, score = number(cohesion.llr), number(cohesion.score, 2)
        echo(f"Compared with what was enrolled before: llr {llr}, cosine {score}.")
    if done.answer.warnings:
        echo(f"Noticed: {_remarks(done)}.")


def _remarks(done: FileDone[Enrollment]) -> str:
    similar = done.answer.similar_speaker
    words = ", ".join(done.answer.warnings)
    return f"{words} (to {similar})" if similar else words


def _status(speaker: Speaker) -> str:
    if speaker.status == "enrolled":
        return "enrolled"
    return f"{speaker.status}; {speaker.remaining_speech_seconds} s more are needed"


def _row(done: FileDone[Enrollment]) -> tuple[str, ...]:
    speaker = done.answer.speaker
    return (speaker.name, speaker.id, str(speaker.utterances), number(speaker.speech_seconds), speaker.status)
