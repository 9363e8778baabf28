"""Fit a Calibration on domains, each counting alike. Apart from it because serving must not load scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.fit_strangers import fit_strangers
from speakerid.scoring.labeled_domain import LabeledDomain, Reals, draw

DRAWS = 20  # galleries of half of the speakers, whose utterances are compared with everybody in them
MOST_TRIALS = 20_000  # of a domain and kind
MIN_SPEAKERS = 6  # of a domain: half of them enrolled, the other half strangers
MIN_TARGETS = 30  # comparisons of one person's sessions, in a domain
# Weak L2 on the standardized score: keeps the slope finite when the scores separate perfectly, and moves a fit on 1,000
# overlapping scores by less than 1 %.
INVERSE_REGULARIZATION = 100.0
SEED = 5


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
