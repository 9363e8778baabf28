"""Adapt what a score means to one gallery, as far as the number of its speakers allows.

What is counted are speakers, not trials, because trials of one speaker are not independent (docs/decisions/0008). What
strangers score, the gallery teaches without being asked: `scoring.strangers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.curves import Floats, error_curve, labelled
from speakerid.scoring.gallery_trials import GalleryTrials
from speakerid.scoring.metrics import eer, min_cllr

MIN_SPEAKERS = 5  # with two utterances or more
MIN_NONTARGETS = 50
LARGEST_MIN_CLLR = 0.7  # bits; an EER of about 25 %
SLOPE_DEVIATION = 0.5  # how far a gallery may be from the default: prior standard deviations of a and b in a llr + b
OFFSET_DEVIATION = 6.0
UNCHANGED = np.array([1.0, 0.0])  # slope and offset
PRECISIONS = np.array([SLOPE_DEVIATION, OFFSET_DEVIATION]) ** -2.0
MOST_STEPS, SMALLEST_STEP = 100, 1e-9  # five steps are usual


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
    """As much evidence as one trial a speaker: more would trust one session more than later ones deserve."""
    regression = _Regression(((targets, 1.0), (nontargets, -1.0)), 0.5 * speakers)
    slope, offset = _minimum(regression.loss, regression.newton_step, UNCHANGED)
    return float(slope), float(offset)


@dataclass(frozen=True)
class _Regression:
    """Logistic regression on llrs, both kinds weighing the same, with a normal prior around leaving them alone."""

    kinds: tuple[tuple[Floats, float], ...]  # llrs and the sign that they should have
    weight: float  # of each kind

    def loss(self, weights: Floats) -> float:
        nats = sum(np.logaddexp(0.0, -sign * (weights[0] * llrs + weights[1])).mean() for llrs, sign in self.kinds)
        return float(self.weight * nats + 0.5 * PRECISIONS @ (weights - UNCHANGED) ** 2)

    def newton_step(self, weights: Floats) -> Floats:
        gradient, curvature = PRECISIONS * (weights - UNCHANGED), np.diag(PRECISIONS)
        for llrs, sign in self.kinds:
            terms = np.stack((llrs, np.ones_like(llrs)))
            wrong = 0.5 - 0.5 * np.tanh(0.5 * sign * (weights @ terms))  # the chance given to the other kind
            gradient = gradient - self.weight * sign * (terms * wrong).mean(axis=1)
            curvature = curvature + self.weight * (terms * wrong * (1.0 - wrong)) @ terms.T / len(llrs)
        return np.linalg.solve(curvature, gradient)


def _minimum(loss: Callable[[Floats], float], newton_step: Callable[[Floats], Floats], start: Floats) -> Floats:
    """Of a strictly convex `loss`, by Newton's method; a step that goes too far is halved."""
    weights = start
    for _ in range(MOST_STEPS):
        step = newton_step(weights)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > SMALLEST_STEP:
            step = 0.5 * step
        weights = weights - step
        if np.abs(step).max() <= SMALLEST_STEP:
            break
    return weights
