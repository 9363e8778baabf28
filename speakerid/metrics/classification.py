"""Identification: whom each probe is taken for, as top-k accuracy, macro figures, confusions, FNIR and FPIR.

ISO/IEC 19795-1: FNIR is the share of searches for enrolled speakers that do not return the right one among the first
`within` candidates and above the threshold; FPIR the share of searches for strangers that return any speaker. Searches
are scored trials, so that both are read from an error curve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.metrics.eer import Flags, Floats
from speakerid.metrics.intervals import interval, speaker_bootstrap

STRANGER = -1
WORST = 10
SEED = 0


def searches(llrs: NDArray[np.floating], truth: ArrayLike, *, within: int = 1) -> tuple[Floats, Flags]:
    """`(scores (p,), known (p,))` of `p` probes for `rank`; the curve's `fnr` is FNIR, its `fpr` is FPIR.

    `llrs (p, n)` compare each probe with every enrolled speaker; `truth (p,)` is the right column, or STRANGER. The
    score of a known probe is that of the right speaker, -inf when that is not among the best; a stranger's is the best.
    """
    scores, columns = np.asarray(llrs, np.float64), np.asarray(truth, np.intp)
    known = columns != STRANGER
    right = np.where(known, columns, 0)
    own = scores[np.arange(len(scores)), right]
    above = (scores > own[:, np.newaxis]).sum(axis=1)
    # Of tied candidates the worst place counts: which of them an index returns first is chance.
    tied = (scores == own[:, np.newaxis]).sum(axis=1) - 1
    found = np.where(above + tied < within, own, -np.inf)
    return np.where(known, found, scores.max(axis=1)), known


def top_k_accuracy(llrs: NDArray[np.floating], truth: ArrayLike, k: int = 1) -> float:
    """Share of the known probes whose speaker is among the best `k`. Raises `ValueError` when none is known."""
    scores, known = searches(llrs, truth, within=k)
    if not known.any():
        raise ValueError("no probe is of an enrolled speaker")
    return float(np.isfinite(scores[known]).mean())


@dataclass(frozen=True)
class Confusion:
    spoken: str
    taken_for: str
    probes: int


@dataclass(frozen=True)
class Accuracy:
    """In percent; precision, recall and F1 are means over speakers (macro)."""

    top_1: float
    top_5: float
    precision: float
    recall: float
    f1: float
    intervals: dict[str, tuple[float, float]]  # 95 % over resampled speakers
    confusions: tuple[Confusion, ...]  # the most frequent


def accuracy(scores: NDArray[np.floating], truth: NDArray[np.intp], names: Sequence[str], resamples: int) -> Accuracy:
    """`scores (p, n)` of p probes for the n speakers `names`; `truth (p,)` is the right column."""
    from sklearn.metrics import precision_recall_fscore_support  # only evaluations pay for its import

    answers = scores.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, answers, average="macro", zero_division=0.0)
    hits = {name: _hits(scores, truth, k) for name, k in (("top_1", 1), ("top_5", 5))}
    return Accuracy(
        top_1=100 * float(hits["top_1"].mean()),
        top_5=100 * float(hits["top_5"].mean()),
        precision=100 * float(precision),
        recall=100 * float(recall),
        f1=100 * float(f1),
        intervals={name: _interval(hits[name], truth, resamples) for name in hits} if resamples else {},
        confusions=_confusions(answers, truth, names),
    )


def _hits(scores: NDArray[np.floating], truth: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """`(p,)` 1 where the right speaker is among the best k; of tied ones the worst place counts."""
    own = scores[np.arange(len(scores)), truth]
    hits: NDArray[np.float64] = ((scores >= own[:, np.newaxis]).sum(axis=1) <= k).astype(np.float64)
    return hits


def _interval(hits: NDArray[np.float64], speakers: NDArray[np.intp], resamples: int) -> tuple[float, float]:
    def share(weights: NDArray[np.float64]) -> float:
        return 100 * float(np.average(hits, weights=weights)) if weights.any() else float("nan")

    drawn = speaker_bootstrap(share, speakers, speakers, resamples=resamples, seed=SEED)
    found = interval(100 * float(hits.mean()), drawn)
    return found.low, found.high


def _confusions(answers: NDArray[np.intp], truth: NDArray[np.intp], names: Sequence[str]) -> tuple[Confusion, ...]:
    wrong = answers != truth
    pairs = Counter(zip(truth[wrong].tolist(), answers[wrong].tolist(), strict=True))
    worst = sorted(pairs.items(), key=lambda one: (-one[1], one[0]))[:WORST]
    return tuple(Confusion(names[spoken], names[taken], count) for (spoken, taken), count in worst)
