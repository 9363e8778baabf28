"""Identification and classification: what each probe is taken for.

Top-k accuracy, macro figures, confusions, FNIR and FPIR.

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
from speakerid.metrics.intervals import interval, share_of, speaker_bootstrap

STRANGER = -1
WORST = 10
MACRO = ("precision", "recall", "f1")
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
    """In percent; precision, recall and F1 are means over the speakers or labels that were asked about (macro)."""

    top_1: float
    top_5: float
    precision: float
    recall: float
    f1: float
    intervals: dict[str, tuple[float, float]]  # 95 % over resampled speakers
    confusions: tuple[Confusion, ...]  # the most frequent


def accuracy(
    scores: NDArray[np.floating],
    truth: NDArray[np.intp],
    names: Sequence[str],
    resamples: int,
    speakers: ArrayLike | None = None,
) -> Accuracy:
    """`scores (p, n)` of p probes for the n `names`; `truth (p,)` is the right column.

    `speakers (p,)` who speaks, where `names` are of something else: those are resampled.
    """
    answers, who = scores.argmax(axis=1), truth if speakers is None else np.asarray(speakers)
    hits = {name: _hits(scores, truth, k) for name, k in (("top_1", 1), ("top_5", 5))}
    precision, recall, f1 = _macro(confusion_matrix(answers, truth, len(names)))
    figures = {
        **{name: 100 * float(one.mean()) for name, one in hits.items()},
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    intervals = _intervals(hits, answers, truth, who, figures, resamples) if resamples else {}
    return Accuracy(**figures, intervals=intervals, confusions=_confusions(answers, truth, names))


def confusion_matrix(
    answers: NDArray[np.intp], truth: NDArray[np.intp], names: int, weights: Floats | None = None
) -> Floats:
    """`(names, names)`: how often a probe of the row was taken for the column."""
    counts = np.bincount(truth * names + answers, weights, minlength=names * names)
    return counts.reshape(names, names).astype(np.float64)


@dataclass(frozen=True)
class PerName:
    """`(names,)` in percent each; recall and F1 are NaN where there was no probe."""

    precision: Floats
    recall: Floats
    f1: Floats

    @classmethod
    def of(cls, matrix: Floats) -> PerName:
        """Of a confusion matrix. Who is never answered has a precision of 0."""
        right, asked, answered = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        f1 = np.where(asked > 0, _percent(2 * right, asked + answered), np.nan)
        return cls(np.nan_to_num(_percent(right, answered)), _percent(right, asked), f1)


def _percent(part: Floats, of: Floats) -> Floats:
    """NaN where there is nothing to be a part of."""
    with np.errstate(invalid="ignore"):
        found: Floats = 100 * part / of
    return found


@dataclass(frozen=True)
class LearningPoint:
    """`accuracy`, in percent, on other speakers after learning from `speakers` of each label."""

    speakers: int
    accuracy: float


def _macro(matrix: Floats) -> tuple[float, float, float]:
    """A name without a probe has no recall: it counts in none of the means."""
    found, asked = PerName.of(matrix), matrix.sum(axis=1) > 0
    precision, recall, f1 = (float(one[asked].mean()) for one in (found.precision, found.recall, found.f1))
    return precision, recall, f1


def _hits(scores: NDArray[np.floating], truth: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """`(p,)` 1 where the right speaker is among the best k; of tied ones the worst place counts."""
    own = scores[np.arange(len(scores)), truth]
    hits: NDArray[np.float64] = ((scores >= own[:, np.newaxis]).sum(axis=1) <= k).astype(np.float64)
    return hits


def _intervals(
    hits: dict[str, Floats],
    answers: NDArray[np.intp],
    truth: NDArray[np.intp],
    who: NDArray[np.generic],
    figures: dict[str, float],
    resamples: int,
) -> dict[str, tuple[float, float]]:
    """Where every answer is right or wrong no resample can differ: Wilson's interval is taken then."""
    shares = {name: share_of(one, who, resamples=resamples, seed=SEED) for name, one in hits.items()}
    found = {name: (100 * one.low, 100 * one.high) for name, one in shares.items()}
    low, high = found["top_5"]
    found["top_5"] = (max(low, found["top_1"][0]), high)  # who is the best is among the best five
    if figures["top_1"] in (0.0, 100.0):
        return found | dict.fromkeys(MACRO, found["top_1"])

    names = int(max(answers.max(), truth.max())) + 1

    def resampled(weights: Floats) -> Floats:
        return np.array(_macro(confusion_matrix(answers, truth, names, weights)))

    drawn = speaker_bootstrap(resampled, who, who, resamples=resamples, seed=SEED)
    estimates = {name: interval(figures[name], drawn[:, nth]) for nth, name in enumerate(MACRO)}
    return found | {name: (one.low, one.high) for name, one in estimates.items()}


def _confusions(answers: NDArray[np.intp], truth: NDArray[np.intp], names: Sequence[str]) -> tuple[Confusion, ...]:
    wrong = answers != truth
    pairs = Counter(zip(truth[wrong].tolist(), answers[wrong].tolist(), strict=True))
    worst = sorted(pairs.items(), key=lambda one: (-one[1], one[0]))[:WORST]
    return tuple(Confusion(names[spoken], names[taken], count) for (spoken, taken), count in worst)
