"""The same verb on one or many files: answers are shown as they come, bad files are collected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from speakerid.cli.console import CommandProblem, emit, json_line, plain, problem_of, progress
from speakerid.errors import SpeakeridError

if TYPE_CHECKING:
    from speakerid.audio.enrollment_tree import SkippedPath

Answer = TypeVar("Answer")
SKIPPED_SHOWN = 20
# Going on would fail every further file in the same way.
STOPS = frozenset(
    {
        "calibration_unreadable",
        "cluster_failed",
        "encoder_mismatch",
        "encoder_not_found",
        "gallery_not_found",
        "key_invalid",
        "key_missing",
        "key_quota_reached",
        "no_such_path",
        "scope_missing",
        "server_unreachable",
        "settings_error",
        "store_busy",
        "store_missing",
        "store_newer",
        "store_read_only",
        "store_replaced",
        "store_unavailable",
        "unexpected_answer",
    }
)


@dataclass(frozen=True)
class FileJob:
    file: Path
    speaker: str = ""  # whose recording it is, where that is known


@dataclass(frozen=True)
class FileDone(Generic[Answer]):
    job: FileJob
    answer: Answer


@dataclass(frozen=True)
class FileFailed:
    job: FileJob
    problem: CommandProblem


@dataclass(frozen=True)
class BatchResult(Generic[Answer]):
    done: tuple[FileDone[Answer], ...]
    bad: tuple[FileFailed, ...]


def run(
    jobs: Sequence[FileJob], work: Callable[[FileJob], Answer], title: str, *, as_json: bool
) -> BatchResult[Answer]:
    """Do all jobs. Raises the error of a lone file, and errors that no other file could escape."""
    done, bad = list[FileDone[Answer]](), list[FileFailed]()
    for job in progress(jobs, title):
        try:
            done.append(FileDone(job, work(job)))
        except SpeakeridError as error:
            problem = problem_of(error)
            if len(jobs) == 1 or _stops(problem):
                raise
            bad.append(FileFailed(job, problem))
            continue
        if as_json:
            emit(done[-1].answer if len(jobs) == 1 else _named(done[-1]))
    return BatchResult(tuple(done), tuple(bad))


def _named(done: FileDone[Answer]) -> dict[str, Any]:
    from speakerid.types import to_json

    answer: dict[str, Any] = to_json(done.answer)
    return {"file": str(done.job.file)} | answer


def _stops(problem: CommandProblem) -> bool:
    return problem.code in STOPS or problem.code.startswith("http_")  # something between us and the server answered


def report_bad(bad: Sequence[FileFailed], *, as_json: bool) -> None:
    """Every bad file with its code on stderr, and how many of each there are."""
    for one in bad:
        problem = {"file": str(one.job.file)} | one.problem.json
        line = json_line(problem) if as_json else plain(f"{problem['file']}: {problem['code']}: {problem['error']}")
        typer.echo(line, err=True)
    if bad and not as_json:
        counts = Counter(one.problem.code for one in bad)
        codes = ", ".join(f"{count} {code}" for code, count in counts.most_common())
        typer.echo(f"Refused {len(bad)} {'file' if len(bad) == 1 else 'files'}: {codes}.", err=True)


def report_skipped(skipped: Sequence[SkippedPath], *, as_json: bool) -> None:
    """Every path that was passed over, with the reason, on stderr; to a person the first ones and how many more."""
    for one in skipped if as_json else skipped[:SKIPPED_SHOWN]:
        problem = {"file": str(one.path), "code": "skipped", "error": one.reason}
        typer.echo(json_line(problem) if as_json else plain(f"{one.path}: skipped: {one.reason}"), err=True)
    if skipped and not as_json:
        more = len(skipped) - SKIPPED_SHOWN
        shown = f", {more} of them not shown here" if more > 0 else ""
        typer.echo(f"Skipped {len(skipped)} {'path' if len(skipped) == 1 else 'paths'}{shown}.", err=True)
