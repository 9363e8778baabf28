"""Open-set searches of two runs side by side: FNIR at each FPIR, and rank-1 accuracy, on the same probes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import BadEntry, NotComparable
from speakerid.evaluation.protocols.open_set import FPIRS, Searches, too_rare
from speakerid.evaluation.protocols.verification import SEED
from speakerid.evaluation.report.facts import Difference
from speakerid.evaluation.report.write import blankless
from speakerid.evaluation.trials.table import read_table
from speakerid.metrics.curves import operating_point, rank
from speakerid.metrics.intervals import interval, speaker_bootstrap

Floats = NDArray[np.float64]
Figures = Callable[[Floats | None], Floats]


def compare_searches(here: Searches, file: Path, resamples: int) -> dict[str, Difference]:
    """Raises NotComparable for other probes or other enrolled speakers, BadEntry."""
    there = read_searches(file)
    if _asked(here) != _asked(there):
        raise NotComparable(
            "The other report asked about other probes, in another order, or enrolled others. Measure both alike."
        )
    strangers = int((~here.known).sum())
    fpirs = [fpir for fpir in FPIRS if not too_rare(fpir, strangers)]
    ours, theirs = _figures(here, fpirs), _figures(there, fpirs)
    mine, others = ours(None), theirs(None)
    drawn = speaker_bootstrap(
        lambda weights: ours(weights) - theirs(weights), here.spoken, here.spoken, resamples=resamples, seed=SEED
    )
    names = ["rank_1", *(f"FNIR at FPIR {fpir:g}" for fpir in fpirs)]
    return {name: _difference(mine[k], others[k], drawn, k) for k, name in enumerate(names)}


def read_searches(file: Path) -> Searches:
    table = read_table(file)
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != 4 or row[2] not in ("known", "stranger") or not _is_score(row[3]):
            raise BadEntry(file, line, "expected is: probe spoken known|stranger score.")
    probes, spoken, kinds, scores = zip(*table.rows, strict=True)
    return Searches(probes, spoken, np.array(scores, np.float64), np.array(kinds) == "known")


def _asked(searches: Searches) -> list[tuple[str, str, bool]]:
    probes, spoken = ([blankless(name) for name in names] for names in (searches.probes, searches.spoken))
    return list(zip(probes, spoken, searches.known.tolist(), strict=True))


def _is_score(text: str) -> bool:
    try:
        return not np.isnan(float(text))
    except ValueError:
        return False


def _figures(searches: Searches, fpirs: list[float]) -> Figures:
    ranked, known = rank(searches.scores, searches.known), searches.known
    first = np.isfinite(searches.scores[known])

    def figures(weights: Floats | None) -> Floats:
        curve = ranked.curve(weights)
        counts = None if weights is None else weights[known]
        at = (operating_point(curve, fpir).fnr for fpir in fpirs)
        return np.array([100 * np.average(first, weights=counts), *at])

    return figures


def _difference(here: float, there: float, drawn: Floats, place: int) -> Difference:
    value = float(here - there)
    if drawn.ndim < 2 or np.isnan(drawn).all():
        return Difference(float(here), float(there), value, None, None)
    found = interval(value, drawn[:, place])
    return Difference(float(here), float(there), found.value, found.low, found.high)
