"""`speakerid audit` and `speakerid calibrate`: keep a gallery in order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import answer, echo, table
from speakerid.cli.options import Target, refuse_unwritable, with_options
from speakerid.errors.extras import require

if TYPE_CHECKING:
    from speakerid.types import Audit, CalibrationReport, Estimate, Gallery, Suggestion

SHOWN = 20  # findings of one kind; --json has them all
COMMANDS = {
    "move_utterance": "speakers move-utterance {speaker} {utterance} {to}",
    "merge_speakers": "speakers merge {speaker} {to}",
    "delete_utterance": "speakers delete-utterance {speaker} {utterance}",
    "enroll_more": "enroll {speaker} FILE…",
}


@with_options
def audit(target: Target) -> None:
    """Is the gallery in order? Finds wrong labels, junk, one voice under two names, and weak voiceprints.

    Every utterance is compared with its speaker's other utterances and with all other speakers. Nothing is changed:
    each finding names what would repair it. Exit code 0 whatever is found.
    """
    with open_backend(target) as backend:
        found = backend.audit()
    answer(found, _show_audit, as_json=target.as_json)


def _show_audit(found: Audit) -> None:
    """Lines, not a table: the commands are there to be copied."""
    echo(f"{found.speakers} speakers, {found.utterances} utterances, {len(found.findings)} findings.")
    for kind, count in Counter(one.kind for one in found.findings).items():
        of_kind = [one for one in found.findings if one.kind == kind][:SHOWN]
        echo(f"\n{kind}: {count}" + (f", the first {SHOWN}" if count > SHOWN else ""))
        for one in of_kind:
            echo(f"  {one.sentence}\n    {_command(one.suggestion, found.gallery)}")


def _command(suggestion: Suggestion, gallery: str) -> str:
    inside = "" if gallery == "default" else f" --gallery {gallery}"
    return f"speakerid {COMMANDS[suggestion.action].format(**vars(suggestion))}{inside}"


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
    refuse_unwritable(picture, "--picture")
    if reset and (dry_run or picture):
        raise typer.BadParameter("--reset goes with neither --dry-run nor --picture.")
    if picture is not None:
        require("matplotlib")
    with open_backend(target, "read" if dry_run else "change") as backend:
        if reset:
            answer(backend.reset_calibration(), _show_reset, as_json=target.as_json)
            return
        report = backend.calibrate(dry_run=dry_run)
    if picture is not None:
        _draw(report, picture)
    answer(report, _show_calibration, as_json=target.as_json)


def _show_reset(gallery: Gallery) -> None:
    echo(f"Gallery {gallery.name} uses the encoder's default calibration.")


def _draw(report: CalibrationReport, out: Path) -> None:
    from speakerid.evaluation.report.pictures import draw_calibration
    from speakerid.types import to_json

    try:
        draw_calibration(to_json(report), out)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.", param_hint="--picture") from None


def _show_calibration(report: CalibrationReport) -> None:
    default, fitted = report.default, report.fitted
    echo(
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
    echo(f"Cllr {_bits(default.cllr)} → {_bits(fitted.cllr)}; the least possible is {report.min_cllr:.3f}.")
    echo(report.reason)
    echo(f"Gallery {report.gallery} uses it from now on." if report.stored else "Nothing was changed.")


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _bits(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
