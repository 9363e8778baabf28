"""Fit a calibration on a gallery's own utterances, and measure it beside the default one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerid.calibration.gallery_trials import GalleryTrials, Places
from speakerid.calibration.map_adaptation import CrossValidated, adapt, left_out, require_enough, unfitted
from speakerid.metrics.cllr import balanced_mean, bits_lost, min_cllr
from speakerid.metrics.det import convex_hull
from speakerid.metrics.eer import ErrorCurve, Flags, Floats, error_curve
from speakerid.metrics.intervals import interval, share_of, speaker_bootstrap
from speakerid.scoring.calibration import Calibration, OwnStrangers
from speakerid.types import CurveStep, Estimate, GalleryOperatingPoint, Histogram, MeasuredCalibration

TARGETS = (0.001, 0.01, 0.05, 0.1)
RESAMPLES = 400
BINS = 60
SHOWN = (0.0005, 0.9995)  # quantiles of either kind of llrs, between which the histogram's bins lie


@dataclass(frozen=True)
class FittedGallery:
    calibration: Calibration
    min_cllr: float
    default: MeasuredCalibration
    fitted: MeasuredCalibration
    histogram: Histogram
    curve: tuple[CurveStep, ...]


def fit_gallery(base: Calibration, trials: GalleryTrials, target_fpir: float) -> FittedGallery:
    """`trials` were scored with `base`, the default. Raises TooFewTrials, ClassesOverlap."""
    require_enough(trials)
    calibration, judged = adapt(base, trials), left_out(base, trials)
    llrs, same = judged.llrs()[trials.known], trials.own[trials.known]
    targets = sorted({*TARGETS, target_fpir})
    return FittedGallery(
        calibration=calibration,
        min_cllr=min_cllr(error_curve(trials.llrs[trials.known], same)),
        default=_measured(unfitted(judged), base, None, targets),
        fitted=_measured(judged, calibration, trials.own_strangers(base), targets),
        histogram=_histogram(llrs, same),
        curve=_steps(convex_hull(error_curve(llrs, same)), float(llrs.max())),
    )


def _measured(
    judged: CrossValidated, final: Calibration, own: OwnStrangers | None, targets: Sequence[float]
) -> MeasuredCalibration:
    return MeasuredCalibration(_cllr(judged), tuple(_point(judged, final, own, target) for target in targets))


def _cllr(judged: CrossValidated) -> Estimate:
    trials = judged.trials
    same = trials.own[trials.known]
    lost = bits_lost(judged.llrs()[trials.known], same)
    utterance, enrolled = np.nonzero(trials.known)
    resampled = speaker_bootstrap(
        lambda weights: balanced_mean(lost, same, weights), enrolled, trials.speaker[utterance], resamples=RESAMPLES
    )
    return interval(balanced_mean(lost, same), resampled)


def _point(
    judged: CrossValidated, final: Calibration, own: OwnStrangers | None, target_fpir: float
) -> GalleryOperatingPoint:
    trials, least = judged.trials, judged.base.strangers.taught(own, judged.trials.speakers, target_fpir)
    paired = trials.targets.any(axis=1)  # a search for the speaker of an only utterance cannot succeed
    return GalleryOperatingPoint(
        target_fpir=target_fpir,
        threshold_llr=max(0.0, final.llr_of(least)),
        fnir=_share(judged.misses(target_fpir)[paired], trials.speaker[paired]),
        fpir=_share(judged.alarms(target_fpir), trials.speaker),
    )


def _share(hits: Flags, speakers: Places) -> Estimate:
    return share_of(hits, speakers, resamples=RESAMPLES)


def _histogram(llrs: Floats, same: Flags) -> Histogram:
    ends = np.quantile(llrs[same], SHOWN), np.quantile(llrs[~same], SHOWN)
    edges = np.linspace(float(np.min(ends)), float(np.max(ends)), BINS + 1)
    inside = np.clip(llrs, edges[0], edges[-1])
    targets, nontargets = (np.histogram(inside[kind], edges)[0].tolist() for kind in (same, ~same))
    return Histogram(tuple(edges.tolist()), tuple(targets), tuple(nontargets))


def _steps(hull: ErrorCurve, highest: float) -> tuple[CurveStep, ...]:
    """The blocks of pool adjacent violators; those with one kind of trial alone have no finite llr and are left out."""
    starts, ends = hull.thresholds[:-1], np.minimum(hull.thresholds[1:], highest)
    blocks = zip(starts, ends, np.diff(hull.fnr), -np.diff(hull.fpr), strict=True)
    return tuple(
        CurveStep(float(low), float(high), float(np.log(same / different)))
        for low, high, same, different in blocks
        if same > 0.0 and different > 0.0
    )
