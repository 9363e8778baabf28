"""Equal error rate of a small development set, with an interval from resampling its speakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Interval:
    """Percent. `low` and `high` are the 2.5 % and 97.5 % quantiles over resampled speakers."""

    value: float
    low: float
    high: float
    targets: int
    nontargets: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def eer(target: Scores, nontarget: Scores) -> float:
    """Percent; 50 for chance. Tied scores fall together; between thresholds the rates are interpolated."""
    thresholds = np.unique(np.concatenate([target, nontarget]))
    missed = np.append(np.searchsorted(np.sort(target), thresholds) / len(target), 1.0)
    accepted = np.append(1 - np.searchsorted(np.sort(nontarget), thresholds) / len(nontarget), 0.0)
    after = int(np.argmax(missed >= accepted))
    before = max(after - 1, 0)
    gap_before, gap_after = accepted[before] - missed[before], missed[after] - accepted[after]
    share = gap_before / (gap_before + gap_after) if gap_before + gap_after > 0 else 0.0
    return float(100 * (missed[before] + share * (missed[after] - missed[before])))


def eer_of(
    embeddings: npt.NDArray[np.float32], speakers: npt.NDArray[np.int64], recordings: npt.NDArray[np.int64],
    resamples: int = 200, seed: int = 0,
) -> Interval:  # fmt: skip
    """Every pair of rows, cosine. Pairs within one recording are left out: they share more than the voice."""
    first, second = np.triu_indices(len(speakers), k=1)
    same = speakers[first] == speakers[second]
    use = ~(same & (recordings[first] == recordings[second]))
    first, second, same = first[use], second[use], same[use]
    scores = (embeddings @ embeddings.T)[first, second]
    low, high = _interval(scores, same, speakers[first], speakers[second], resamples, seed)
    return Interval(eer(scores[same], scores[~same]), low, high, int(same.sum()), int((~same).sum()))


def _interval(
    scores: Scores, same: npt.NDArray[np.bool_], one: npt.NDArray[np.int64], other: npt.NDArray[np.int64],
    resamples: int, seed: int,
) -> tuple[float, float]:  # fmt: skip
    """A speaker drawn k times weighs its pairs k times; a pair of two speakers weighs the product."""
    random = np.random.default_rng(seed)
    ids = np.unique(np.concatenate([one, other]))
    at_one, at_other = np.searchsorted(ids, one), np.searchsorted(ids, other)
    order = np.argsort(scores, kind="stable")
    values = []
    for _ in range(resamples):
        drawn = random.multinomial(len(ids), np.full(len(ids), 1 / len(ids)))
        weight = np.where(same, drawn[at_one], drawn[at_one] * drawn[at_other])[order]
        hits, others = weight * same[order], weight * ~same[order]
        if hits.sum() and others.sum():
            missed = np.cumsum(hits) / hits.sum()
            accepted = 1 - np.cumsum(others) / others.sum()
            values.append(100 * float(np.min(np.maximum(missed, accepted))))
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))
