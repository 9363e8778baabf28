"""What the commands of `speakerid evaluate` share: their options, how a run begins, how its figures are shown."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.console import Watcher, echo, emit, table
from speakerid.cli.options import EncoderOption, Output, read_settings
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.evaluation.report.facts import Evaluated, Report
    from speakerid.evaluation.run import Run


class EngineName(StrEnum):
    LOCAL = "local"
    RAY = "ray"


class Score(StrEnum):
    COSINE = "cosine"
    ASNORM = "asnorm"
    CALIBRATED = "calibrated"


@dataclass(frozen=True)
class Reporting(Output):
    out: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Write report.html, .md, .json and the scores there.")
    ] = None


@dataclass(frozen=True)
class Measuring(Reporting):
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, help="Draws of speakers for the confidence intervals; 0 for none.")
    ] = 200
    compare: Annotated[
        Path | None,
        typer.Option("--compare", exists=True, dir_okay=False, help="The report.json of another run on the same list."),
    ] = None


@dataclass(frozen=True)
class EmbeddingOptions(Measuring):
    encoder: EncoderOption = None
    score: Annotated[
        Score, typer.Option("--score", help="How two voices are compared; calibrated: as the service does, with --vad.")
    ] = Score.COSINE
    cohort: Annotated[
        Path | None,
        typer.Option(
            "--cohort",
            exists=True,
            help="Other speakers for asnorm, a folder each.",
        ),
    ] = None
    vad: Annotated[
        bool, typer.Option("--vad", help="Leave out pauses, as the service does. Published protocols take whole files.")
    ] = False
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that embed, one thread each.")] = 1
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Where they run: on this machine, or on a Ray cluster (RAY_ADDRESS).")
    ] = EngineName.LOCAL
    cache: Annotated[
        Path | None,
        typer.Option("--cache", file_okay=False, help="Where embeddings are kept. [default: ~/.cache/speakerid]"),
    ] = None
    allow_contaminated: Annotated[
        bool, typer.Option("--allow-contaminated", help="Measure an encoder on voices it was trained on, and say so.")
    ] = False
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out missing and unreadable recordings, and say so.")
    ] = False


def typed() -> str:
    """The command line, for the report."""
    return shlex.join(["speakerid", *sys.argv[1:]])


@contextmanager
def begin(options: EmbeddingOptions) -> Iterator[Run]:
    """Loads the encoder; shows progress while it lasts."""
    from speakerid.evaluation.begin import Wanted, start

    if options.out is not None:
        require("matplotlib", "scipy")
    settings = read_settings(encoder=options.encoder)
    wanted = Wanted(
        settings=settings,
        score=options.score.value,
        cohort=options.cohort,
        cache=options.cache,
        workers=options.workers,
        vad=options.vad,
        engine=options.engine.value,
        skip_missing=options.skip_missing,
        resamples=options.resamples,
        command=typed(),
    )
    with Watcher(quiet=options.as_json) as watcher:
        yield start(wanted, watcher.counting)


def finish(made: Evaluated, options: Measuring) -> None:
    """Compares, writes and prints."""
    from speakerid.evaluation.report.compare import compared

    if options.compare is not None:
        made = compared(made, options.compare, options.resamples)
    publish(made, options)


def publish(made: Evaluated, options: Reporting) -> None:
    """Writes and prints."""
    from speakerid.evaluation.report.files import write

    if options.out is not None:
        write(made, options.out)
    if options.as_json:
        emit(made.report.to_json())
    else:
        show(made.report)
        echo(f"Report: {options.out / 'report.html'}" if options.out else "--out DIR writes a report with pictures.")


def show(report: Report) -> None:
    from speakerid.evaluation.report.text import sections

    known = f" ({report.list.recognized})" if report.list.recognized else ""
    echo(f"{report.protocol} on {report.list.name}{known}, {report.scoring}")
    for section in sections(report)[:-1]:  # the last one, what was measured, is for files
        table(section.columns, section.rows, title=section.title)
    for stamp in report.stamps:
        echo(f"Note: {stamp}")
