"""Identification answers of two runs side by side: top-1 accuracy on the same probes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import BadEntry, NotComparable
from speakerid.evaluation.evaluated import Answer
from speakerid.evaluation.protocols.verification import SEED
from speakerid.evaluation.report.facts import Difference
from speakerid.evaluation.report.write import blankless
from speakerid.evaluation.trials.table import read_table
from speakerid.metrics.intervals import interval, speaker_bootstrap

Flags = NDArray[np.bool_]


def compare_answers(here: Sequence[Answer], file: Path, resamples: int) -> dict[str, Difference]:
    """By protocol, which are never mixed. Raises NotComparable for other probes, BadEntry."""
    there = read_answers(file)
    found = {}
    for protocol in dict.fromkeys(one.protocol for one in here):
        mine, theirs = ([one for one in answers if one.protocol == protocol] for answers in (here, there))
        if [(blankless(one.probe), blankless(one.spoken)) for one in mine] != [
            (one.probe, one.spoken) for one in theirs
        ]:
            raise NotComparable("The other report asked about other probes, or in another order. Measure both alike.")
        found[f"top_1 of {protocol}"] = _difference(mine, _right(mine), _right(theirs), resamples)
    return found


def read_answers(file: Path) -> list[Answer]:
    table = read_table(file)
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != 4:
            raise BadEntry(file, line, "expected is: protocol probe spoken taken_for.")
    return [Answer(*row) for row in table.rows]


def _right(answers: Sequence[Answer]) -> Flags:
    return np.array([one.spoken == one.taken_for for one in answers], np.bool_)


def _difference(answers: Sequence[Answer], here: Flags, there: Flags, resamples: int) -> Difference:
    """In percent."""
    gained = 100.0 * (here.astype(np.float64) - there)
    value = float(gained.mean())
    low = high = None
    if resamples:
        speakers = [one.spoken for one in answers]
        drawn = speaker_bootstrap(
            lambda weights: float(np.average(gained, weights=weights)),
            speakers,
            speakers,
            resamples=resamples,
            seed=SEED,
        )
        found = interval(value, drawn)
        low, high = found.low, found.high
    return Difference(100.0 * float(here.mean()), 100.0 * float(there.mean()), value, low, high)
