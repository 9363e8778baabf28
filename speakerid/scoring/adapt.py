"""Adapt the default calibration to one gallery, as far as the number of its speakers allows.

Small galleries say little about rare scores: a calibration fitted on ten speakers alone names strangers two to three
times as often as asked for. So the default counts like a number of further speakers (docs/decisions/0008). What is
counted are speakers, not trials, because trials of one speaker are not independent.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.scoring.calibration import Calibration, Quantile, Tail
from speakerid.scoring.curves import Floats, error_curve, labelled
from speakerid.scoring.gallery_trials import GalleryTrials
from speakerid.scoring.metrics import eer, min_cllr

MIN_SPEAKERS = 5  # with two utterances or more
MIN_NONTARGETS = 50
LARGEST_MIN_CLLR = 0.7  # bits; an EER of about 25 %
# How many speakers the default counts like, where its quantiles are mixed with a gallery's own: few where strangers
# score higher than it says, more where they score lower, because trusting that names strangers.
HIGHER_QUANTILES = 2
LOWER_QUANTILES = 10
HEAVIER_TAIL = 10  # the same beyond the last quantile, where a gallery has few scores
LIGHTER_TAIL = 100
SLOPE_DEVIATION = 0.5  # how far a gallery may be from the default: prior standard deviations of a and b in a llr + b
OFFSET_DEVIATION = 6.0
SHAPES = (-0.5, 0.0)  # as in `fit`


def require_enough(trials: GalleryTrials) -> None:
    """Raises TooFewTrials, ClassesOverlap."""
    paired = len(np.unique(trials.speaker[trials.targets.any(axis=1)]))
    if paired < MIN_SPEAKERS or trials.nontargets.sum() < MIN_NONTARGETS:
        raise TooFewTrials(paired, MIN_SPEAKERS, int(trials.nontargets.sum()), MIN_NONTARGETS)
    curve = error_curve(*labelled(trials.llrs[trials.targets], trials.llrs[trials.nontargets]))
    if min_cllr(curve) > LARGEST_MIN_CLLR:
        raise ClassesOverlap(eer(curve))


def adapt(base: Calibration, trials: GalleryTrials, *, name: str) -> Calibration:
    """`trials` was scored with `base`."""
    slope, offset = _affine(trials.llrs[trials.targets], trials.llrs[trials.nontargets], trials.speakers)
    nontargets = trials.scores[trials.nontargets]
    return replace(
        base,
        slope=slope * base.slope,
        intercept=slope * base.intercept + offset,
        domains=(*base.domains, name),
        targets=int(trials.targets.sum()),
        nontargets=len(nontargets),
        quantiles=_mixed_quantiles(base, nontargets, trials.speakers),
        tail=_mixed_tail(base, nontargets, trials.speakers),
    )


def _affine(targets: Floats, nontargets: Floats, speakers: int) -> tuple[float, float]:
    """Logistic regression on llrs, both kinds weighing the same, with a normal prior around "leave them as they are".

    As much evidence as one trial a speaker: more would trust recordings of one session more than later ones deserve.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(weights: Floats) -> tuple[float, Floats]:
        slope, offset = weights
        missed, alarmed = slope * targets + offset, slope * nontargets + offset
        nats = np.logaddexp(0.0, -missed).mean() + np.logaddexp(0.0, alarmed).mean()
        prior = ((slope - 1.0) / SLOPE_DEVIATION) ** 2 + (offset / OFFSET_DEVIATION) ** 2
        pull, push = -expit(-missed), expit(alarmed)
        gradient = np.array([(pull * targets).mean() + (push * nontargets).mean(), pull.mean() + push.mean()])
        back = np.array([(slope - 1.0) / SLOPE_DEVIATION**2, offset / OFFSET_DEVIATION**2])
        return 0.5 * (speakers * nats + prior), 0.5 * speakers * gradient + back

    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(slope), float(offset)


def _mixed_quantiles(base: Calibration, nontargets: Floats, speakers: int) -> tuple[Quantile, ...]:
    rates = np.array([one.fmr for one in base.quantiles])
    default = np.array([one.score for one in base.quantiles])
    beyond = np.quantile(nontargets, 1.0 - rates) - default
    share = speakers / (speakers + np.where(beyond > 0.0, HIGHER_QUANTILES, LOWER_QUANTILES))
    mixed = np.maximum.accumulate(default + share * beyond)  # rising, though some shares differ
    return tuple(Quantile(float(rate), float(score)) for rate, score in zip(rates, mixed, strict=True))


def _mixed_tail(base: Calibration, nontargets: Floats, speakers: int) -> Tail:
    """Mean and variance of the excess are mixed; they decide the tail (Hosking & Wallis 1987, as in `fit`)."""
    start = np.quantile(nontargets, 1.0 - base.quantiles[-1].fmr)
    excess = nontargets[nontargets > start] - start
    mean = base.tail.scale / (1.0 - base.tail.shape)
    variance = mean**2 / (1.0 - 2.0 * base.tail.shape)
    if len(excess):
        measured = float(excess.mean())
        share = speakers / (speakers + (HEAVIER_TAIL if measured > mean else LIGHTER_TAIL))
        mean = share * measured + (1.0 - share) * mean
        variance = share * float(excess.var()) + (1.0 - share) * variance
    shape = float(np.clip(0.5 * (1.0 - mean**2 / variance), *SHAPES))
    return Tail(scale=mean * (1.0 - shape), shape=shape)
