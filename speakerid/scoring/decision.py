"""From calibrated scores to an open-set decision. Pure functions; llrs are natural logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OpenSetDecision = Literal["accept", "unknown", "ambiguous"]


def even_odds_llr(prior: float) -> float:
    """The llr at which "this speaker" and "a stranger" are equally likely, when the first had the chance `prior`."""
    if not 0.0 < prior < 1.0:
        raise ValueError(f"need 0 < prior < 1, got {prior}")
    return math.log1p(-prior) - math.log(prior)


def probabilities(
    llrs: Sequence[float] | NDArray[np.floating], threshold_llr: float, ambiguous_margin: float = 0.0
) -> NDArray[np.float64]:
    """`(n,)`: that it is this speaker, and not whoever else it most likely is; one llr for each of n speakers.

    The alternative is a stranger or the best of the other speakers. Its prior odds are those at which `decide` turns:
    a stranger is as likely as a speaker at the threshold, which rises with the gallery, and another speaker who reaches
    it as likely as one who is `ambiguous_margin` better. So exactly what `decide` accepts has one half or more.
    """
    values = np.asarray(llrs, np.float64)
    others = _best_of_others(values)
    alternative = np.maximum(threshold_llr, np.where(others >= threshold_llr, others + ambiguous_margin, -np.inf))
    found: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, alternative - values))
    return found


def enrolled_llr(llrs: Sequence[float], enrolled: int) -> float:
    """Of "one of the `enrolled` speakers, each as likely before" to "a stranger"; `llrs` are the best of them."""
    return float(np.logaddexp.reduce(llrs)) - math.log(enrolled) if len(llrs) else -math.inf


def exclusive_probabilities(
    llrs: NDArray[np.float64], threshold_llr: float, ambiguous_margin: float, named: Sequence[int | None]
) -> NDArray[np.float64]:
    """`(v, n)` for `llrs (v, n)` of v people in one recording, where each name goes to one: `named (v,)`, a column.

    A name that went to another is no alternative, and as unlikely as it is likely for them against a stranger.
    """
    given = {column for column in named if column is not None}
    found = np.empty(llrs.shape)
    for row, own in enumerate(named):
        taken = sorted(given - {own})
        if not taken:
            found[row] = probabilities(llrs[row], threshold_llr, ambiguous_margin)
            continue
        free = np.setdiff1d(np.arange(llrs.shape[1]), taken)
        found[row, free] = probabilities(llrs[row, free], threshold_llr, ambiguous_margin)
        for column in taken:
            found[row, column] = 1.0 - probabilities(llrs[[named.index(column)], column], threshold_llr)[0]
    return found


def _best_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) < 2:
        return np.full(len(values), -np.inf)
    second, best = np.partition(values, -2)[-2:]
    others = np.full(len(values), best)
    others[values.argmax()] = second
    return others


def decide(llrs: Sequence[float], threshold_llr: float, ambiguous_margin: float) -> OpenSetDecision:
    """Decide on the candidates' `llrs`, best first, one per speaker.

    `ambiguous` when two speakers both reach the threshold and are less than `ambiguous_margin` apart.
    """
    reaching = [llr for llr in llrs[:2] if llr >= threshold_llr]
    if not reaching:
        return "unknown"
    close = len(reaching) == 2 and reaching[0] - reaching[1] < ambiguous_margin
    return "ambiguous" if close else "accept"
