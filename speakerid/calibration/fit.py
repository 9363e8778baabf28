"""Fit a Calibration on domains, each counting alike: cosine to llr, and how high strangers score.

Apart from the Calibration because serving must not load scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from speakerid.calibration.labeled_domain import LabeledDomain, Reals, draw
from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import GENERIC, Calibration, Strangers, expected_maximum

DRAWS = 20  # galleries of half of the speakers, whose utterances are compared with all of them
MOST_TRIALS = 20_000  # of a domain and kind
MIN_SPEAKERS = 6  # of a domain: half of them enrolled, the other half strangers
MIN_TARGETS = 30  # comparisons of one person's sessions, in a domain
# Weak L2 on the standardized score: keeps the slope finite when the scores separate perfectly, and moves a fit on 1,000
# overlapping scores by less than 1 %.
INVERSE_REGULARIZATION = 100.0
SEED = 5
STRANGER_DRAWS = 30  # of every size
MIN_DOMAINS = 3  # fewer show nothing of how domains differ
STRANGER_SEED = 3


def fit(domains: Sequence[LabeledDomain], fingerprint: str) -> Calibration:
    """Raises CalibrationMissing when a domain has too little, or higher scores do not mean the same speaker."""
    trials = [_trials(domain) for domain in domains]
    slope, intercept = logistic(trials)
    if slope <= 0:
        raise CalibrationMissing(
            "Recordings of one speaker are not more alike than those of different speakers. Check the folders' labels."
        )
    return Calibration(
        slope=slope,
        intercept=intercept,
        strangers=fit_strangers(domains),
        domains=tuple(domain.name for domain in domains),
        targets=sum(len(targets) for targets, _ in trials),
        nontargets=sum(len(nontargets) for _, nontargets in trials),
        fingerprint=fingerprint,
    )


def logistic(trials: Sequence[tuple[Reals, Reals]]) -> tuple[float, float]:
    """Slope and intercept of the llr, from scores of the same and of different speakers of each domain.

    Every domain, and both kinds in it, weigh the same in all, so that the fitted log odds are the llr itself.
    """
    kinds = [kind for both in trials for kind in both]
    scores = np.concatenate(kinds)
    labels = np.concatenate([np.full(len(kind), 1 - number % 2) for number, kind in enumerate(kinds)])
    weights = np.concatenate([np.full(len(kind), 1.0 / len(kind)) for kind in kinds])
    center, scale = float(np.average(scores, weights=weights)), float(scores.std())
    if scale <= 1e-9:  # a constant's deviation is not exactly zero
        return 0.0, 0.0
    model = LogisticRegression(C=INVERSE_REGULARIZATION, solver="newton-cholesky", tol=1e-8)
    model.fit(((scores - center) / scale)[:, None], labels, sample_weight=weights * len(scores) / len(kinds))
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * center


def _trials(domain: LabeledDomain) -> tuple[Reals, Reals]:
    """Scores of utterances against voiceprints of the same speaker (other sessions) and of different ones."""
    _enough(len(domain.names), MIN_SPEAKERS, domain, "speakers who are told apart")
    random = np.random.default_rng(SEED)
    same, different = list[Reals](), list[Reals]()
    for _ in range(DRAWS):
        gallery = draw(domain, len(domain.names) // 2, random)
        scores = gallery.known_scores()
        own = gallery.known_of[:, None] == np.arange(scores.shape[1])
        same.append(scores[own])
        different += [scores[~own], gallery.stranger_scores().ravel()]
    targets, nontargets = np.concatenate(same), np.concatenate(different)
    _enough(len(targets), MIN_TARGETS, domain, "comparisons between recordings of one speaker")
    return random.permutation(targets)[:MOST_TRIALS], random.permutation(nontargets)[:MOST_TRIALS]


def _enough(found: int, needed: int, domain: LabeledDomain, what: str) -> None:
    if found < needed:
        raise CalibrationMissing(
            f"{domain.name!r} has {found} {what}; {needed} are needed. Give more speakers, each with four recordings "
            "of three seconds of speech or more, in one folder per speaker; where its sub-folders are sessions, of two."
        )


@dataclass(frozen=True)
class _Row:
    """Best scores of strangers in galleries of one size."""

    domain: int
    expected: float  # expected maximum of as many standard normals as the gallery has speakers
    mean: float
    deviation: float


def fit_strangers(domains: Sequence[LabeledDomain]) -> Strangers:
    """Of galleries of 1, 2, 4 … speakers. What too few domains do not show is as in the generic prior."""
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
    random, speakers = np.random.default_rng(STRANGER_SEED), len(domain.names)
    sizes = [2**power for power in range(10) if 2**power < speakers - 1]
    found = []
    for size in sizes:
        best = np.concatenate([draw(domain, size, random).stranger_scores().max(axis=1) for _ in range(STRANGER_DRAWS)])
        found.append(_Row(number, expected_maximum(size), float(best.mean()), float(best.std())))
    return found


def _common_slope(rows: Sequence[_Row], values: Sequence[float], domains: int) -> tuple[float, Reals]:
    """By least squares over the expected maximum: one slope for all, an offset `(domains,)` for each."""
    design = np.zeros((len(rows), domains + 1))
    for line, row in zip(design, rows, strict=True):
        line[row.domain], line[-1] = 1.0, row.expected
    solution = np.linalg.lstsq(design, np.array(values), rcond=None)[0]
    return float(solution[-1]), solution[:-1]
