"""What calibrations do for speakers that they were not fitted on: every speaker of a gallery is left out once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from speakerid.calibration.gallery_trials import GalleryTrials, Places
from speakerid.calibration.map_adaptation import adapt
from speakerid.metrics.eer import Flags, Floats
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.strangers import OwnStrangers

FOLDS = 10


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
        """`(u,)`: whether somebody would be named if the speakers of the fold were not enrolled."""
        named = np.empty(len(self.trials.speaker), np.bool_)
        for fold in self.folds:
            rows, columns = self._rows(fold), _others(self.trials, fold.out)
            scores, llrs = (values[np.ix_(rows, columns)] for values in (self.trials.scores, self.trials.llrs))
            named[rows] = self._reached(fold, scores, llrs, target_fpir).any(axis=1)
        return named

    def _rows(self, fold: Fold) -> Places:
        return np.flatnonzero(np.isin(self.trials.speaker, fold.out))

    def _reached(self, fold: Fold, scores: Floats, llrs: Floats, target_fpir: float) -> Flags:
        """At the threshold for n speakers `(p, n)`; never below even odds, as in `services.scores.threshold`."""
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
