"""`speakerid identify` and `speakerid verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli import batch
from speakerid.cli.backend import open_backend
from speakerid.cli.batch import BatchResult, FileDone, FileJob
from speakerid.cli.console import answer, echo, echo_lost, number, refuse_if, table
from speakerid.cli.inputs import audio_of, check_stdin
from speakerid.cli.options import Candidates, OneChannel, Tagged, Target, names_in, one_channel, with_options

if TYPE_CHECKING:
    from speakerid.types import Candidate, Identification, Verification


@with_options
def identify(
    target: Target,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of one speaker each; - reads stdin.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="Most candidates in an answer.")] = 5,
    channel: OneChannel = "mix",
    candidates: Candidates = None,
    tag: Tagged = None,
) -> None:
    """Who speaks? Names the speaker of each recording, or answers unknown.

    Exit code 0 for an answer: accept, unknown, ambiguous, no_speakers. 1 if any file was refused or answered
    not_enough_speech. With several files each JSON line also names its file. FILE may be a pipe, or - for stdin.
    """
    check_stdin(files)
    jobs, picked, only = [FileJob(file) for file in files], one_channel(channel), names_in(candidates)
    with open_backend(target) as backend:
        done = batch.run(
            jobs,
            lambda job: backend.identify(audio_of(job.file), top_k=top_k, channel=picked, candidates=only, tags=tag),
            "Identifying",
            as_json=target.as_json,
        )
    if not target.as_json:
        _show(done, alone=len(jobs) == 1)
    batch.report_bad(done.bad, as_json=target.as_json)
    refuse_if(bool(done.bad) or any(one.answer.decision == "not_enough_speech" for one in done.done))


def _show(result: BatchResult[Identification], *, alone: bool) -> None:
    if alone:
        _show_one(result.done[0].answer)
    elif result.done:
        table(
            ("file", "decision", "speaker", "best llr", "probability", "speech (s)"),
            [_row(one) for one in result.done],
        )
        for one in result.done:
            echo_lost(one.answer.lost_seconds, one.job.file)


def _show_one(found: Identification) -> None:
    speaker = found.speaker
    echo(f"{found.decision}: {speaker.name} ({speaker.id})" if speaker else found.decision)
    echo(found.reason)
    echo_lost(found.lost_seconds)
    if found.candidates:
        table(("candidate", "id", "score", "llr", "probability"), [_candidate(one) for one in found.candidates])


def _candidate(one: Candidate) -> tuple[str, ...]:
    return (one.speaker.name, one.speaker.id, number(one.score, 3), number(one.llr, 2), number(one.probability, 3))


def best(found: Identification) -> tuple[str, str]:
    """llr and probability of the first candidate, for a table."""
    if not found.candidates:
        return number(None), number(None)
    return number(found.candidates[0].llr, 2), number(found.candidates[0].probability, 3)


def _row(done: FileDone[Identification]) -> tuple[str, ...]:
    found = done.answer
    name = found.speaker.name if found.speaker else "–"
    return (str(done.job.file), found.decision, name, *best(found), number(found.speech.seconds))


@with_options
def verify(
    target: Target,
    speaker: Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name or id.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    channel: OneChannel = "mix",
) -> None:
    """Is NAME the speaker of FILE?

    Exit code 0 only for accept, so that a script may write `speakerid verify Ada call.wav && …`; 1 for reject,
    not_enough_speech and every error. The answer on stdout distinguishes them; after an error there is none. FILE may
    be a pipe, or - for stdin.
    """
    check_stdin([file])
    picked = one_channel(channel)
    with open_backend(target) as backend:
        found = backend.verify(speaker, audio_of(file), channel=picked)
    answer(found, _show_verification, as_json=target.as_json)
    refuse_if(found.decision != "accept")


def _show_verification(found: Verification) -> None:
    echo(f"{found.decision}: {found.speaker.name} ({found.speaker.id})")
    echo(f"{found.reason} Probability {number(found.probability, 3)}.")
    echo_lost(found.lost_seconds)
