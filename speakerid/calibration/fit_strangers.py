"""Fit the model of strangers' best scores (`scoring.strangers`) on domains, each counting alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerid.calibration.labeled_domain import LabeledDomain, Reals, draw
from speakerid.scoring.calibration import GENERIC
from speakerid.scoring.strangers import Strangers, expected_maximum

DRAWS = 30  # of every size
MIN_DOMAINS = 3  # fewer say nothing about how domains differ
SEED = 3


@dataclass(frozen=True)
class _Row:
    """Best scores of strangers in galleries of one size."""

    domain: int
    expected: float  # expected maximum of as many standard normals as the gallery has speakers
    mean: float
    deviation: float


def fit_strangers(domains: Sequence[LabeledDomain]) -> Strangers:
    """Of galleries of 1, 2, 4 … speakers. What too few domains do not say is as in the generic prior."""
    rows = [row for number, domain in enumerate(domains) for row in _rows(number, domain)]
    growth, means = _common_slope(rows, [row.mean for row in rows], len(domains))
    narrowing, logs = _common_slope(rows, [math.log(row.deviation) for row in rows], len(domains))
    return Strangers(
        mean=float(means.mean()),
        growth=growth,
        deviation=float(np.sqrt(np.mean(np.exp(2.0 * logs)))),
        narrowing=-narrowing,
        between=float(means.std(ddof=1)) if len(domains) >= MIN_DOMAINS else GENERIC.strangers.between,
    )


def _rows(number: int, domain: LabeledDomain) -> list[_Row]:
    random, speakers = np.random.default_rng(SEED), len(domain.names)
    sizes = [2**power for power in range(10) if 2**power < speakers - 1]
    found = []
    for size in sizes:
        best = np.concatenate([draw(domain, size, random).stranger_scores().max(axis=1) for _ in range(DRAWS)])
        found.append(_Row(number, expected_maximum(size), float(best.mean()), float(best.std())))
    return found


def _common_slope(rows: Sequence[_Row], values: Sequence[float], domains: int) -> tuple[float, Reals]:
    """By least squares over the expected maximum: one slope for all, an offset `(domains,)` for each."""
    design = np.zeros((len(rows), domains + 1))
    for line, row in zip(design, rows, strict=True):
        line[row.domain], line[-1] = 1.0, row.expected
    solution = np.linalg.lstsq(design, np.array(values), rcond=None)[0]
    return float(solution[-1]), solution[:-1]
