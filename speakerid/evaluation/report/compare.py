"""Two runs on the same trials or probes side by side: a paired bootstrap draws the same speakers for both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import NotComparable
from speakerid.evaluation.evaluated import Evaluated, ScoredTrials
from speakerid.evaluation.protocols.verification import RARE, SEED, USUAL
from speakerid.evaluation.report.compare_answers import compare_answers
from speakerid.evaluation.report.compare_searches import compare_searches
from speakerid.evaluation.report.facts import Comparison, Difference
from speakerid.evaluation.report.write import ANSWERS, SCORES, SEARCHES, blankless
from speakerid.evaluation.trials.score_file import Scored, read_scores
from speakerid.metrics.curves import ErrorCurve, rank
from speakerid.metrics.intervals import interval, speaker_bootstrap
from speakerid.metrics.verification import eer, min_cllr, min_dcf

Floats = NDArray[np.float64]
FIGURES = ("eer", "min_dcf", "min_dcf_p05", "min_cllr")


def compared(made: Evaluated, other: Path, resamples: int) -> Evaluated:
    """`other` is a report.json, and what it was made of lies beside it. Raises NotComparable."""
    content = _read(other)
    comparison = Comparison(
        other=str(other),
        encoder=content["encoder"]["name"] if content.get("encoder") else None,
        scoring=str(content["scoring"]),
        figures=_figures_beside(made, other.parent, resamples),
    )
    return replace(made, report=replace(made.report, compared=comparison))


def _figures_beside(made: Evaluated, folder: Path, resamples: int) -> dict[str, Difference]:
    if made.answers:
        return compare_answers(made.answers, _beside(folder, ANSWERS), resamples)
    if made.open_set is not None:
        return compare_searches(made.open_set, _beside(folder, SEARCHES), resamples)
    if made.verification is None:
        raise NotComparable("Reports of this protocol cannot be compared.")
    theirs = read_scores(_beside(folder, SCORES))
    _require_same_trials(made.verification, theirs)
    return _differences(made.verification, theirs.scores, resamples)


def _beside(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise NotComparable(f"{folder} has no {name}, which holds what the other report was made of.")
    return folder / name


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or "scoring" not in content:
        raise NotComparable(f"{path} is no report of this command. Give the report.json that --out wrote.")
    return content


def _require_same_trials(here: ScoredTrials, there: Scored) -> None:
    mine, theirs = here.trials, there.trials
    names = [blankless(name) for name in mine.names]
    sides = zip(mine.enroll, mine.test, theirs.enroll, theirs.test, strict=False)
    alike = np.array_equal(mine.same, theirs.same) and all(
        (names[a], names[b]) == (theirs.names[c], theirs.names[d]) for a, b, c, d in sides
    )
    if not alike:
        raise NotComparable(
            "The other report is about other trials, or in another order. Measure both on one list, with the same "
            "recordings left out."
        )


def _differences(here: ScoredTrials, there: Floats, resamples: int) -> dict[str, Difference]:
    same = here.trials.same
    ours, theirs = rank(here.scores, same), rank(there, same)
    values = _figures(ours.curve()), _figures(theirs.curve())
    drawn = None
    if here.speakers is not None and resamples:
        drawn = speaker_bootstrap(
            lambda weights: _figures(ours.curve(weights)) - _figures(theirs.curve(weights)),
            here.speakers[here.trials.enroll],
            here.speakers[here.trials.test],
            resamples=resamples,
            seed=SEED,
        )
    return {name: _difference(values[0][k], values[1][k], drawn, k) for k, name in enumerate(FIGURES)}


def _difference(here: float, there: float, drawn: Floats | None, place: int) -> Difference:
    if drawn is None or drawn.ndim < 2:
        return Difference(float(here), float(there), float(here - there), None, None)
    found = interval(here - there, drawn[:, place])
    return Difference(float(here), float(there), found.value, found.low, found.high)


def _figures(curve: ErrorCurve) -> Floats:
    return np.array([100 * eer(curve), min_dcf(curve, RARE), min_dcf(curve, USUAL), min_cllr(curve)])
