"""Two runs on the same trials or probes side by side: a paired bootstrap draws the same speakers for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.evaluation.errors import NotComparable
from speakerid.evaluation.identification import FPIRS, Searches, too_rare
from speakerid.evaluation.report.facts import Answer, Comparison, Difference, Evaluated, ScoredTrials
from speakerid.evaluation.report.files import ANSWERS, SCORES, SEARCHES, blankless, read_answers, read_searches
from speakerid.evaluation.trials import Scored, read_scores
from speakerid.evaluation.verification import RARE, SEED, USUAL
from speakerid.metrics.cllr import min_cllr
from speakerid.metrics.dcf import min_dcf
from speakerid.metrics.eer import eer, operating_point, rank
from speakerid.metrics.intervals import interval, speaker_bootstrap

Floats = NDArray[np.float64]
Figures = Callable[[Floats | None], Floats]  # of weights (n,): how often each trial or probe counts
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
        return _answers(made.answers, read_answers(_beside(folder, ANSWERS)), resamples)
    if made.open_set is not None:
        return _searches(made.open_set, read_searches(_beside(folder, SEARCHES)), resamples)
    if made.verification is None:
        raise NotComparable("Reports of this protocol cannot be compared.")
    return _trials(made.verification, read_scores(_beside(folder, SCORES)), resamples)


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


def _trials(here: ScoredTrials, there: Scored, resamples: int) -> dict[str, Difference]:
    """Raises NotComparable for other trials."""
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
    speakers = None if here.speakers is None else (here.speakers[mine.enroll], here.speakers[mine.test])
    ours, other = (_trial_figures(scores, mine.same) for scores in (here.scores, there.scores))
    return _differences(FIGURES, ours, other, speakers, resamples)


def _trial_figures(scores: ArrayLike, same: ArrayLike) -> Figures:
    ranked = rank(scores, same)

    def figures(weights: Floats | None) -> Floats:
        curve = ranked.curve(weights)
        return np.array([100 * eer(curve), min_dcf(curve, RARE), min_dcf(curve, USUAL), min_cllr(curve)])

    return figures


def _answers(here: Sequence[Answer], there: Sequence[Answer], resamples: int) -> dict[str, Difference]:
    """By protocol, which are never mixed. Raises NotComparable for other probes."""
    found: dict[str, Difference] = {}
    for protocol in dict.fromkeys(one.protocol for one in here):
        mine, theirs = ([one for one in answers if one.protocol == protocol] for answers in (here, there))
        if [(blankless(one.probe), blankless(one.spoken)) for one in mine] != [
            (one.probe, one.spoken) for one in theirs
        ]:
            raise NotComparable("The other report asked about other probes, or in another order. Measure both alike.")
        speakers = [one.spoken for one in mine]
        sides = _share_right(mine), _share_right(theirs)
        found |= _differences([f"top_1 of {protocol}"], *sides, (speakers, speakers), resamples)
    return found


def _share_right(answers: Sequence[Answer]) -> Figures:
    """In percent."""
    right = np.array([100.0 * (one.spoken == one.taken_for) for one in answers])
    return lambda weights: np.array([np.average(right, weights=weights)])


def _searches(here: Searches, there: Searches, resamples: int) -> dict[str, Difference]:
    """FNIR at each FPIR, and rank-1 accuracy. Raises NotComparable for other probes or other enrolled speakers."""
    if _asked(here) != _asked(there):
        raise NotComparable(
            "The other report asked about other probes, in another order, or enrolled others. Measure both alike."
        )
    strangers = int((~here.known).sum())
    fpirs = [fpir for fpir in FPIRS if not too_rare(fpir, strangers)]
    names = ["rank_1", *(f"FNIR at FPIR {fpir:g}" for fpir in fpirs)]
    sides = _search_figures(here, fpirs), _search_figures(there, fpirs)
    return _differences(names, *sides, (here.spoken, here.spoken), resamples)


def _asked(searches: Searches) -> list[tuple[str, str, bool]]:
    probes, spoken = ([blankless(name) for name in names] for names in (searches.probes, searches.spoken))
    return list(zip(probes, spoken, searches.known.tolist(), strict=True))


def _search_figures(searches: Searches, fpirs: Sequence[float]) -> Figures:
    ranked, known = rank(searches.scores, searches.known), searches.known
    first = np.isfinite(searches.scores[known])

    def figures(weights: Floats | None) -> Floats:
        curve = ranked.curve(weights)
        counts = None if weights is None else weights[known]
        at = (operating_point(curve, fpir).fnr for fpir in fpirs)
        return np.array([100 * np.average(first, weights=counts), *at])

    return figures


def _differences(
    names: Sequence[str], ours: Figures, theirs: Figures, speakers: tuple[ArrayLike, ArrayLike] | None, resamples: int
) -> dict[str, Difference]:
    """One for each name; `speakers` of both sides of every trial, None where they are not known: then no intervals."""
    here, there, drawn = ours(None), theirs(None), np.zeros(0)
    if speakers is not None:
        drawn = speaker_bootstrap(
            lambda weights: ours(weights) - theirs(weights), *speakers, resamples=resamples, seed=SEED
        )
    return {name: _difference(float(here[k]), float(there[k]), drawn, k) for k, name in enumerate(names)}


def _difference(here: float, there: float, drawn: Floats, place: int) -> Difference:
    if drawn.ndim < 2 or np.isnan(drawn).all():
        return Difference(here, there, here - there, None, None)
    found = interval(here - there, drawn[:, place])
    return Difference(here, there, found.value, found.low, found.high)
