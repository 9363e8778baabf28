"""`speakerid calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import Verbs, open_backend
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, say, table

if TYPE_CHECKING:
    from speakerid.types import CalibrationReport, Estimate


@with_options
def calibrate(
    target: Target,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw score histograms and calibration curve.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; change nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the encoder's default calibration.")] = False,
) -> None:
    """Fit scores and thresholds on the gallery's own enrollment utterances.

    Every speaker is left out of the fit once, to count how many would be missed and how many strangers named, by the
    default calibration and by the fitted one. Needs five speakers with two utterances or more.
    """
    if picture is not None and not picture.absolute().parent.is_dir():
        raise typer.BadParameter(f"There is no folder {picture.parent}.", param_hint="--picture")
    if reset and (dry_run or picture):
        raise typer.BadParameter("--reset goes with neither --dry-run nor --picture.")
    with open_backend(target) as backend:
        if reset:
            _reset(backend, target)
            return
        report = backend.calibrate(dry_run=dry_run)
    if picture is not None:
        _draw(report, picture)
    if target.as_json:
        emit(report)
    else:
        _show(report)


def _reset(backend: Verbs, target: Target) -> None:
    gallery = backend.reset_calibration()
    if target.as_json:
        emit(gallery)
    else:
        say(f"Gallery {gallery.name} uses the encoder's default calibration.")


def _draw(report: CalibrationReport, out: Path) -> None:
    from speakerid.evaluation.pictures import draw_calibration
    from speakerid.types import to_json

    try:
        draw_calibration(to_json(report), out)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.", param_hint="--picture") from None


def _show(report: CalibrationReport) -> None:
    default, fitted = report.default, report.fitted
    say(
        f"{report.speakers} speakers, {report.targets} comparisons with themselves and {report.nontargets} "
        "with each other. In brackets: 95 % intervals over resampled speakers."
    )
    table(
        (
            "target fpir",
            "threshold llr",
            "not named: default",
            "not named: gallery",
            "strangers named: default",
            "strangers named: gallery",
        ),
        [
            (
                f"{new.target_fpir:g}",
                f"{old.threshold_llr:.1f} → {new.threshold_llr:.1f}",
                *(_share(one) for one in (old.fnir, new.fnir, old.fpir, new.fpir)),
            )
            for old, new in zip(default.points, fitted.points, strict=True)
        ],
    )
    say(f"Cllr {_bits(default.cllr)} → {_bits(fitted.cllr)}; the least possible is {report.min_cllr:.3f}.")
    say(report.reason)
    say(f"Gallery {report.gallery} uses it from now on." if report.stored else "Nothing was changed.")


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _bits(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
