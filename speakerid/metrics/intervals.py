"""Confidence intervals: over resampled speakers for figures of merit, Wilson's for plain proportions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.metrics.eer import ClassMissing
from speakerid.types import Estimate

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], float | Floats]
LEVEL = 0.95


@dataclass(frozen=True)
class EerInterval(Estimate):
    """An EER in percent."""

    targets: int
    nontargets: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def speaker_weights(enrolled: ArrayLike, probed: ArrayLike, *, resamples: int, seed: int = 0) -> Iterator[Floats]:
    """How often each trial `(n,)` counts when speakers are drawn with replacement, once per resample.

    A trial counts only when the speakers of both its sides were drawn: as often as its one speaker was, or as the
    product of how often its two were (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007). Trials
    of one speaker are not independent, so drawing trials would give intervals that are much too narrow.
    """
    one, other = np.asarray(enrolled), np.asarray(probed)
    speakers, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    count, first, second = len(speakers), places[: len(one)], places[len(one) :].copy()
    second[first == second] = count  # a speaker against themselves counts once: the entry behind the drawn ones is 1
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = np.append(random.multinomial(count, np.full(count, 1.0 / count)), 1).astype(np.float64)
        yield drawn[first] * drawn[second]


def speaker_bootstrap(
    statistic: Statistic, enrolled: ArrayLike, probed: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Floats:
    """`(resamples, …)` values of `statistic(weights (n,))` over resampled speakers.

    `enrolled` and `probed (n,)` name the speakers of the trials' sides; give the probe's speaker twice where only
    probes are resampled. Equal seeds draw equal speakers, so two systems can be compared draw by draw. Draws that
    leave no target or no non-target (`statistic` raises ClassMissing) become NaN.
    """
    values = [
        _value(statistic, weights) for weights in speaker_weights(enrolled, probed, resamples=resamples, seed=seed)
    ]
    shape = next((np.shape(value) for value in values if value is not None), ())
    return np.array([np.full(shape, np.nan) if value is None else value for value in values], np.float64)


def interval(value: float, resampled: Floats, level: float = LEVEL) -> Estimate:
    """Percentile interval of `resampled (resamples,)`; NaN is left out. Raises `ValueError` when nothing is left."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        raise ValueError("no resample had both kinds of trials")
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Estimate(float(value), float(low), float(high))


def eer_estimate(percent: float, resampled: Floats, speakers: int) -> Estimate:
    """An EER in percent, with its percentile interval over `resampled (resamples,)`.

    Where no trial is wrong no resample can differ: Wilson's interval for as many trials as there are speakers then.
    Raises `ValueError` when every resample is NaN.
    """
    if percent > 0.0:
        return interval(percent, resampled)
    none = wilson(0, speakers)
    return Estimate(percent, 100.0 * none.low, 100.0 * none.high)


def wilson(successes: int, trials: int, level: float = LEVEL) -> Estimate:
    """For a proportion of independent trials (Wilson, Journal of the American Statistical Association 22, 1927)."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"need 0 <= successes <= trials and a trial, got {successes} of {trials}")
    share, z = successes / trials, NormalDist().inv_cdf((1.0 + level) / 2.0)
    center = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1.0 - share) / trials + z * z / (4 * trials * trials))
    scale = 1.0 + z * z / trials
    low, high = max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)
    return Estimate(share, min(share, low), max(share, high))


def share_of(hits: ArrayLike, speakers: ArrayLike, *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """The share of true `hits (n,)` with its interval over resampled `speakers (n,)`.

    When all or none are true, no resample can differ: Wilson's interval for as many trials as there are speakers then.
    """
    flags, who = np.asarray(hits, np.float64), np.asarray(speakers)
    share = float(flags.mean())
    if share in (0.0, 1.0):
        count = len(np.unique(who))
        return wilson(round(share * count), count)
    return interval(share, speaker_bootstrap(lambda w: flags @ w / w.sum(), who, who, resamples=resamples, seed=seed))


def _value(statistic: Statistic, weights: Floats) -> float | Floats | None:
    try:
        return statistic(weights)
    except ClassMissing:
        return None
