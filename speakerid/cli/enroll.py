"""`speakerid enroll`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli import batch
from speakerid.cli.backend import open_backend, server_url
from speakerid.cli.batch import BatchResult, FileDone, FileFailed, FileJob
from speakerid.cli.console import answer, echo, number, problem_of, refuse_if, table
from speakerid.cli.inputs import audio_of, check_stdin
from speakerid.cli.options import OneChannel, SpreadTarget, checked_tags, one_channel, read_settings, with_options
from speakerid.cli.unknowns import show_promotion

if TYPE_CHECKING:
    from speakerid.audio.enrollment_tree import SkippedPath
    from speakerid.audio.limits import Channel
    from speakerid.client import Client
    from speakerid.types import Enrollment, Speaker
    from speakerid.verbs import SpeakerID


@with_options
def enroll(
    target: SpreadTarget,
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
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Add this tag to every speaker; repeatable.")
    ] = None,
    from_recording: Annotated[
        str | None,
        typer.Option("--from-recording", metavar="ID", help="Enroll a voice of this recording, with --voice."),
    ] = None,
    voice: Annotated[
        str | None, typer.Option("--voice", help="What the recording's answer calls it, e.g. unknown_1.")
    ] = None,
) -> None:
    """Enroll recordings of one speaker, or of all speakers in a folder, or a voice of a recording gone through before.

    A bad file is reported with its code and does not keep the others from being enrolled; --accept CODE enrolls what
    the enrollment coach refuses. Doing it again changes nothing. With several files each JSON line also names its
    file. FILE may be a pipe, or - for stdin. Of a folder all is taken that can be decoded; what is skipped is listed
    on stderr. With --engine ray workers of a cluster decode and embed the folder, which they need under the same path;
    all else happens here, in the same order, so the answers are the same. Exit code 1 if any file was refused.
    """
    workers = target.cluster_workers(of="--tree", possible=tree is not None and server_url(target) is None)
    codes, tags, picked = _codes(accept or []), checked_tags(tag or ()), one_channel(channel)
    if from_recording is not None or voice is not None:
        if speaker is None or from_recording is None or voice is None or files or tree is not None:
            raise typer.BadParameter("Give NAME, --from-recording ID and --voice, and no file.")
        with open_backend(target, "change") as backend:
            promoted = backend.promote_voice(from_recording, voice, speaker, accept=codes)
            if tags:
                tagged = backend.change_speaker(promoted.speaker.id, tags=[*promoted.speaker.tags, *tags])
                promoted = replace(promoted, speaker=tagged)
        answer(promoted, show_promotion, as_json=target.as_json)
        return
    asked = _asked(speaker, files or [], tree)
    rules = _EnrollmentRules(codes, picked, tags)
    with open_backend(target, "create") as backend:
        _hint_before_the_first(backend, target)
        with _enrolling(backend, rules, target, asked.jobs, workers) as enroll_one:
            done = batch.run(asked.jobs, enroll_one, "Enrolling", as_json=target.as_json)
        if not target.as_json:
            _show(done, lambda speaker_id: _called(backend, speaker_id), alone=len(asked.jobs) == 1)
    batch.report_skipped(asked.skipped, as_json=target.as_json)
    batch.report_bad((*asked.bad, *done.bad), as_json=target.as_json)
    refuse_if(bool(asked.bad or done.bad))


def _hint_before_the_first(backend: SpeakerID | Client, target: SpreadTarget) -> None:
    """One line on stderr where the best encoder was not fetched: the first enrollment binds the gallery to this one."""
    if target.as_json or server_url(target) is not None:
        return
    from speakerid.encoders.registry import better_encoder

    settings = read_settings(store=target.store, encoder=target.encoder)
    hint = better_encoder(settings.encoder, settings.models_folder)
    if hint and any(one.name == target.gallery and one.speakers == 0 for one in backend.galleries()):
        typer.echo(hint, err=True)


@dataclass(frozen=True)
class _EnrollmentRules:
    accept: Sequence[str]
    channel: Channel
    tags: Sequence[str]


@contextmanager
def _enrolling(
    backend: SpeakerID | Client,
    rules: _EnrollmentRules,
    target: SpreadTarget,
    jobs: Sequence[FileJob],
    workers: int | None,
) -> Iterator[Callable[[FileJob], Enrollment]]:
    """What enrolls the jobs one by one, in their order; decoded and embedded by `workers` of a cluster, if any."""

    def here(job: FileJob) -> Enrollment:
        audio = audio_of(job.file)
        return backend.enroll(job.speaker, audio, accept=rules.accept, channel=rules.channel, tags=rules.tags)

    if workers is None:
        yield here
        return
    from speakerid.bootstrap import decode_limits
    from speakerid.cluster.listening import ClusterWork, probes
    from speakerid.services import galleries
    from speakerid.verbs import SpeakerID

    assert isinstance(backend, SpeakerID)
    sid, settings = backend, read_settings(store=target.store, encoder=target.encoder)
    work = ClusterWork.like(sid.engine, settings.encoder, decode_limits(settings))
    files, keep_audio = [job.file.absolute() for job in jobs], galleries.get(sid.engine, sid.gallery).keep_audio
    with closing(probes(work, files, rules.channel, with_audio=keep_audio, workers=workers)) as prepared:

        def from_cluster(job: FileJob) -> Enrollment:
            probe = next(prepared)
            if probe is None:  # here the reason is told
                return here(job)
            return sid.enroll_probes(job.speaker, [probe], accept=rules.accept, tags=rules.tags)

        yield from_cluster


@dataclass(frozen=True)
class _EnrollmentJobs:
    """What to enroll; of a folder also what cannot be, and what is passed over."""

    jobs: Sequence[FileJob]
    bad: Sequence[FileFailed] = ()
    skipped: Sequence[SkippedPath] = ()


def _asked(speaker: str | None, files: Sequence[Path], tree: Path | None) -> _EnrollmentJobs:
    if tree is not None:
        if speaker is not None:
            raise typer.BadParameter("Give either NAME and FILE… or --tree DIR, not both.")
        return _in_tree(tree)
    if speaker is None or not files:
        raise typer.BadParameter("Give NAME and at least one FILE, or --tree DIR.")
    check_stdin(files)
    return _EnrollmentJobs([FileJob(file, speaker) for file in files])


def _in_tree(root: Path) -> _EnrollmentJobs:
    """A folder whose name no speaker can have is one refusal, whatever lies in it."""
    from speakerid.audio.enrollment_tree import enrollment_tree
    from speakerid.errors import InvalidRequest
    from speakerid.services import validation

    tree = enrollment_tree(root)
    jobs, bad = list[FileJob](), list[FileFailed]()
    for folder, files in tree.files.items():
        try:
            speaker = validation.name(folder.name, "folder")
            jobs.extend(FileJob(file, speaker) for file in files)
        except InvalidRequest as error:
            bad.append(FileFailed(FileJob(folder), problem_of(error)))
    return _EnrollmentJobs(jobs, bad, tree.skipped)


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


def _show(result: BatchResult[Enrollment], name_of: Callable[[str], str], *, alone: bool) -> None:
    last = {one.answer.speaker.id: one for one in result.done}
    if alone or len(last) == 1:
        for one in last.values():
            _show_one(one, name_of, alone=alone)
    elif last:
        table(("speaker", "id", "utterances", "speech (s)", "status"), [_row(one) for one in last.values()])
    known = sum(one.answer.already_enrolled for one in result.done)
    if not alone:
        for one in result.done:
            if one.answer.warnings:
                echo(f"{one.job.file}: {_remarks(one, name_of)}.")
        echo(f"Enrolled {len(result.done) - known} files; {known} {'was' if known == 1 else 'were'} enrolled before.")


def _show_one(done: FileDone[Enrollment], name_of: Callable[[str], str], *, alone: bool) -> None:
    """`done`: the last of several files, unless it is `alone`."""
    speaker, cohesion = done.answer.speaker, done.answer.cohesion
    if alone and done.answer.already_enrolled:
        echo("The same recording was enrolled before: nothing changed.")
    echo(f"{speaker.name} ({speaker.id}): {speaker.speech_seconds} s of speech, {_status(speaker)}.")
    if cohesion is not None:
        llr, score = number(cohesion.llr), number(cohesion.score, 2)
        echo(f"{'This' if alone else 'The last'} file and the speaker's other utterances: llr {llr}, cosine {score}.")
    if alone and done.answer.warnings:
        echo(f"Noticed: {_remarks(done, name_of)}.")


def _called(backend: SpeakerID | Client, speaker_id: str) -> str:
    """The id where the name cannot be had: a key that may enroll need not be one that may read."""
    from speakerid.errors import SpeakeridError

    try:
        return f"{backend.speaker(speaker_id).name}, {speaker_id}"
    except SpeakeridError:
        return speaker_id


def _remarks(done: FileDone[Enrollment], name_of: Callable[[str], str]) -> str:
    similar = done.answer.similar_speaker
    lost = f"audio_lost ({number(done.answer.lost_seconds)} s)"
    words = ", ".join(lost if one == "audio_lost" else one for one in done.answer.warnings)
    return f"{words} (to {name_of(similar)})" if similar else words


def _status(speaker: Speaker) -> str:
    if speaker.status == "enrolled":
        return "enrolled"
    return f"{speaker.status}; {speaker.remaining_speech_seconds} s more are needed"


def _row(done: FileDone[Enrollment]) -> tuple[str, ...]:
    speaker = done.answer.speaker
    return (speaker.name, speaker.id, str(speaker.utterances), number(speaker.speech_seconds), speaker.status)
