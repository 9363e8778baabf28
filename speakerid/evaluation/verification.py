"""Verification: the figures of a scored trial list, each with an interval from resampling its speakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.trials import TrialList
from speakerid.metrics.cllr import cllr, min_cllr
from speakerid.metrics.dcf import Cost, actual_dcf, min_dcf
from speakerid.metrics.eer import ErrorCurve, Ranked, eer, rank
from speakerid.metrics.intervals import eer_estimate, interval, speaker_bootstrap
from speakerid.types import Estimate

Scores = NDArray[np.floating]
RESAMPLES = 200  # of 37,611 trials they take 4 s, of 579,818 a minute
SEED = 0
RARE, USUAL = Cost(p_target=0.01), Cost(p_target=0.05)


@dataclass(frozen=True)
class VerificationFigures:
    """`eer` in percent. `cllr` and `dcf` judge the llrs themselves: None when the scores are none."""

    trials: int
    targets: int
    nontargets: int
    speakers: int | None  # None: not known, so there are no intervals either
    eer: float
    min_dcf: float  # p_target 0.01, costs 1, normalized
    min_dcf_p05: float  # p_target 0.05
    min_cllr: float
    cllr: float | None
    dcf: float | None  # at the Bayes threshold for p_target 0.01
    intervals: dict[str, tuple[float, float]]  # 95 %, by the names of the figures; without those that are not known
    resamples: int


def verify(
    trials: TrialList,
    scores: Scores,
    speakers: NDArray[np.intp] | None,
    *,
    are_llrs: bool = False,
    resamples: int = RESAMPLES,
) -> VerificationFigures:
    """`scores (n,)` of the n trials; `speakers (names,)` of its utterances, None where they are not known."""
    ranked = rank(scores, trials.same)
    llrs = scores if are_llrs else None
    figures = _figures(ranked.curve(), trials, llrs, None)
    found = {} if speakers is None else _intervals(ranked, trials, llrs, speakers, figures, resamples)
    return VerificationFigures(
        trials=len(trials),
        targets=int(trials.same.sum()),
        nontargets=int((~trials.same).sum()),
        speakers=None if speakers is None else len(np.unique(speakers[np.concatenate([trials.enroll, trials.test])])),
        eer=figures["eer"],
        min_dcf=figures["min_dcf"],
        min_dcf_p05=figures["min_dcf_p05"],
        min_cllr=figures["min_cllr"],
        cllr=figures.get("cllr"),
        dcf=figures.get("dcf"),
        intervals={name: (one.low, one.high) for name, one in found.items()},
        resamples=resamples if found else 0,
    )


def _figures(
    curve: ErrorCurve, trials: TrialList, llrs: Scores | None, weights: NDArray[np.float64] | None
) -> dict[str, float]:
    found = {
        "eer": 100.0 * eer(curve),
        "min_dcf": min_dcf(curve, RARE),
        "min_dcf_p05": min_dcf(curve, USUAL),
        "min_cllr": min_cllr(curve),
    }
    if llrs is not None:
        found["cllr"] = cllr(llrs, trials.same, weights)
        found["dcf"] = actual_dcf(llrs, trials.same, RARE, weights=weights)
    return found


def _intervals(
    ranked: Ranked,
    trials: TrialList,
    llrs: Scores | None,
    speakers: NDArray[np.intp],
    figures: dict[str, float],
    resamples: int,
) -> dict[str, Estimate]:
    """Empty when no resample has both kinds of trials, as with two speakers of whom one has no target.

    Where no trial is wrong no resample differs: the EER has Wilson's interval then, and the costs that are 0 have none.
    """

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(list(_figures(ranked.curve(weights), trials, llrs, weights).values()))

    sides = speakers[trials.enroll], speakers[trials.test]
    drawn = speaker_bootstrap(statistic, *sides, resamples=resamples, seed=SEED)
    if drawn.ndim < 2 or np.isnan(drawn).all():
        return {}
    found = {name: interval(value, drawn[:, place]) for place, (name, value) in enumerate(figures.items())}
    found["eer"] = eer_estimate(
        figures["eer"], drawn[:, list(figures).index("eer")], len(np.unique(np.concatenate(sides)))
    )
    return {name: one for name, one in found.items() if one.low < one.high}
