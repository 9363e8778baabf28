"""Adapt what a score means to one gallery, as far as the number of its speakers allows.

What is counted are speakers, not trials, because trials of one speaker are not independent (docs/decisions/0008). What
strangers score, the gallery teaches without being asked: `scoring.strangers`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.calibration.gallery_trials import GalleryTrials
from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.metrics.cllr import min_cllr
from speakerid.metrics.eer import Floats, eer, error_curve, labelled
from speakerid.scoring.calibration import Calibration

MIN_SPEAKERS = 5  # with two utterances or more
MIN_NONTARGETS = 50
LARGEST_MIN_CLLR = 0.7  # bits; an EER of about 25 %
SLOPE_DEVIATION = 0.5  # how far a gallery may be from the default: prior standard deviations of a and b in a llr + b
OFFSET_DEVIATION = 6.0


def require_enough(trials: GalleryTrials) -> None:
    """Raises TooFewTrials, ClassesOverlap."""
    paired = len(np.unique(trials.speaker[trials.targets.any(axis=1)]))
    if paired < MIN_SPEAKERS or trials.nontargets.sum() < MIN_NONTARGETS:
        raise TooFewTrials(paired, MIN_SPEAKERS, int(trials.nontargets.sum()), MIN_NONTARGETS)
    curve = error_curve(*labelled(trials.llrs[trials.targets], trials.llrs[trials.nontargets]))
    if min_cllr(curve) > LARGEST_MIN_CLLR:
        raise ClassesOverlap(eer(curve))


def adapt(base: Calibration, trials: GalleryTrials) -> Calibration:
    """`trials` was scored with `base`, whose strangers' scores stay."""
    slope, offset = _affine(trials.llrs[trials.targets], trials.llrs[trials.nontargets], trials.speakers)
    return replace(base, slope=slope * base.slope, intercept=slope * base.intercept + offset)


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
