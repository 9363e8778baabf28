"""`speakerid evaluate …`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid.cli.options import Output, with_options
from speakerid.cli.output import emit, say, table

if TYPE_CHECKING:
    from speakerid.evaluation.score_run import Evaluated

app = typer.Typer(name="evaluate", help="Measure error rates on speech or on scores.", no_args_is_help=True)


@dataclass(frozen=True)
class Measuring(Output):
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, help="Draws of speakers for the confidence intervals; 0 for none.")
    ] = 200


@app.command()
@with_options
def trials(
    options: Measuring,
    scores: Annotated[Path, typer.Option("--scores", exists=True, dir_okay=False, help="Scores of another tool.")],
    labels: Annotated[
        Path | None,
        typer.Option("--trials", exists=True, dir_okay=False, help="Their trial list, when they carry no labels."),
    ] = None,
    llrs: Annotated[bool, typer.Option("--llr", help="The scores are natural-log likelihood ratios.")] = False,
) -> None:
    """Evaluate scored trials."""
    from speakerid.evaluation.score_run import evaluate_scores

    show(
        evaluate_scores(scores, labels, are_llrs=llrs, resamples=options.resamples, command=typed()),
        as_json=options.as_json,
    )


def typed() -> str:
    """The command line, for the report."""
    return shlex.join(["speakerid", *sys.argv[1:]])


def show(made: Evaluated, *, as_json: bool) -> None:
    report = made.report.to_json()
    if as_json:
        emit(report)
        return
    say(f"{made.report.protocol} on {made.report.list.name} ({made.report.list.recognized or 'no published list'})")
    table(("figure", "value", "95 % interval"), list(_rows(report)))
    for stamp in made.report.stamps:
        say(f"Note: {stamp}")


def _rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    intervals = figures.get("intervals", {})
    rows = [(name, value) for name, value in figures.items() if isinstance(value, int | float)]
    return [(name, f"{value:.6g}", _interval(intervals.get(name))) for name, value in rows]


def _interval(found: tuple[float, float] | None) -> str:
    return f"{found[0]:.4g} to {found[1]:.4g}" if found else ""
