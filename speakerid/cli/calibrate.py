"""`speakerid calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speakerid.cli.batch import Json
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, say, table
from speakerid.cli.voices import open_voices
from speakerid.errors.extras import require


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
    if picture is not None:
        require("matplotlib")
    with open_voices(target) as voices:
        answer = voices.reset_calibration() if reset else voices.calibrate(dry_run=dry_run)
    if picture is not None:
        _draw(answer, picture)
    if target.as_json:
        emit(answer)
    elif reset:
        say(f"Gallery {answer['name']} uses the encoder's default calibration.")
    else:
        _show(answer)


def _draw(report: Json, out: Path) -> None:
    from speakerid.evaluation.pictures import draw_calibration

    try:
        draw_calibration(report, out)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.", param_hint="--picture") from None


def _show(report: Json) -> None:
    default, fitted = report["default"], report["fitted"]
    say(
        f"{report['speakers']} speakers, {report['targets']} comparisons with themselves and {report['nontargets']} "
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
                f"{new['target_fpir']:g}",
                f"{old['threshold_llr']:.1f} → {new['threshold_llr']:.1f}",
                *(_share(one[kind]) for kind in ("fnir", "fpir") for one in (old, new)),
            )
            for old, new in zip(default["points"], fitted["points"], strict=True)
        ],
    )
    say(f"Cllr {_bits(default['cllr'])} → {_bits(fitted['cllr'])}; the least possible is {report['min_cllr']:.3f}.")
    say(report["reason"])
    say(f"Gallery {report['gallery']} uses it from now on." if report["stored"] else "Nothing was changed.")


def _share(estimate: Json) -> str:
    value, low, high = (100 * estimate[name] for name in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _bits(estimate: Json) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"
