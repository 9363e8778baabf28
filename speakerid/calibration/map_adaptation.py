"""MAP adaptation of a calibration to one gallery, and what it does for speakers that it was not fitted on.

What is counted are speakers, not trials, because trials of one speaker are not independent (docs/decisions/0008). What
strangers score, the gallery teaches without being asked: `scoring.strangers`. Every speaker is left out once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from speakerid.calibration.gallery_trials import GalleryTrials, Places
from speakerid.errors import ClassesOverlap, TooFewTrials
from speakerid.metrics.cllr import min_cllr
from speakerid.metrics.eer import Flags, Floats, eer, error_curve, labelled
from speakerid.scoring.calibration import Calibration, OwnStrangers

MIN_SPEAKERS = 5  # with two utterances or more
MIN_NONTARGETS = 50
LARGEST_MIN_CLLR = 0.7  # bits; an EER of about 25 %
SLOPE_DEVIATION = 0.5  # how far a gallery may be from the default: prior standard deviations of a and b in a llr + b
OFFSET_DEVIATION = 6.0
UNCHANGED = np.array([1.0, 0.0])  # slope and offset
PRECISIONS = np.array([SLOPE_DEVIATION, OFFSET_DEVIATION]) ** -2.0
MOST_STEPS, SMALLEST_STEP = 100, 1e-9  # five steps are usual
FOLDS = 10


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


@dataclass(frozen=True)
class Fold:
    """`calibration` and `own`, the scores of strangers, do not know the speakers `out`."""

    calibration: Calibration
    own: OwnStrangers | None
    out: Places


@dataclass(frozen=True)
class CrossValidated:
    """`trials` were scored with `base`; each utterance is judged by the calibration that does not know its speaker."""

    base: Calibration
    trials: GalleryTrials
    folds: tuple[Fold, ...]

    def llrs(self) -> Floats:
        """`(u, n)`."""
        found = np.empty(self.trials.llrs.shape)
        for fold in self.folds:
            rows = self._rows(fold)
            found[rows] = rescaled(self.base, fold.calibration, self.trials.llrs[rows])
        return found

    def misses(self, target_fpir: float) -> Flags:
        """`(u,)`: whether the own speaker is not found best, or not above the threshold."""
        trials, missed = self.trials, np.empty(len(self.trials.speaker), np.bool_)
        for fold in self.folds:
            rows = self._rows(fold)
            reached = self._reached(fold, trials.scores[rows], trials.llrs[rows], target_fpir)
            right = np.nanargmax(trials.llrs[rows], axis=1) == trials.speaker[rows]
            missed[rows] = ~(right & reached[np.arange(len(rows)), trials.speaker[rows]])
        return missed

    def alarms(self, target_fpir: float) -> Flags:
        """`(u,)`: whether anyone would be named if the speakers of the fold were not enrolled."""
        named = np.empty(len(self.trials.speaker), np.bool_)
        for fold in self.folds:
            rows, columns = self._rows(fold), _others(self.trials, fold.out)
            scores, llrs = (values[np.ix_(rows, columns)] for values in (self.trials.scores, self.trials.llrs))
            named[rows] = self._reached(fold, scores, llrs, target_fpir).any(axis=1)
        return named

    def _rows(self, fold: Fold) -> Places:
        return np.flatnonzero(np.isin(self.trials.speaker, fold.out))

    def _reached(self, fold: Fold, scores: Floats, llrs: Floats, target_fpir: float) -> Flags:
        """At the threshold for n speakers `(p, n)`; never below even odds, as in `services.judge.threshold`."""
        least = self.base.strangers.taught(fold.own, scores.shape[1], target_fpir)
        flags: Flags = (scores >= least) & (rescaled(self.base, fold.calibration, llrs) >= 0.0)
        return flags


def left_out(base: Calibration, trials: GalleryTrials, *, seed: int = 0) -> CrossValidated:
    """Ten times adapted to the gallery without a tenth of its speakers, drawn at random."""
    order = np.random.default_rng(seed).permutation(trials.speakers)
    parts = [np.sort(part) for part in np.array_split(order, min(FOLDS, trials.speakers))]
    return CrossValidated(base, trials, tuple(_fold(base, trials.only(_others(trials, out)), out) for out in parts))


def _fold(base: Calibration, others: GalleryTrials, out: Places) -> Fold:
    return Fold(adapt(base, others), others.own_strangers(base), out)


def unfitted(fitted: CrossValidated) -> CrossValidated:
    """The same with the default calibration, to compare."""
    return replace(fitted, folds=tuple(Fold(fitted.base, None, fold.out) for fold in fitted.folds))


def rescaled(base: Calibration, adapted: Calibration, llrs: Floats) -> Floats:
    """What `adapted` makes of llrs of `base`."""
    slope = adapted.slope / base.slope
    return slope * llrs + (adapted.intercept - slope * base.intercept)


def _others(trials: GalleryTrials, out: Places) -> Places:
    return np.setdiff1d(np.arange(trials.speakers), out)
