"""Identification searches as scored trials, so that FNIR and FPIR are read from the same curves as FNR and FPR.

ISO/IEC 19795-1: FNIR is the share of searches for enrolled speakers that do not return the right one among the first
`within` candidates and above the threshold; FPIR the share of searches for strangers that return anybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speakerid.metrics.curves import Flags, Floats

STRANGER = -1


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
    # Of tied candidates the worst place counts: which of them an index returns first is nobody's merit.
    tied = (scores == own[:, np.newaxis]).sum(axis=1) - 1
    found = np.where(above + tied < within, own, -np.inf)
    return np.where(known, found, scores.max(axis=1)), known


def top_k_accuracy(llrs: NDArray[np.floating], truth: ArrayLike, k: int = 1) -> float:
    """Share of the known probes whose speaker is among the best `k`. Raises `ValueError` when none is known."""
    scores, known = searches(llrs, truth, within=k)
    if not known.any():
        raise ValueError("no probe is of an enrolled speaker")
    return float(np.isfinite(scores[known]).mean())
