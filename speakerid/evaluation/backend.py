"""How two embeddings become a score: cosine, AS-norm of it, or the llr that the service decides by.

AS-norm compares every embedding with a cohort of other speakers; its `top` highest scores show how easily it resembles
strangers. A score is counted in their standard deviations above their mean, from both sides (Matějka et al., "Analysis
of score normalization in multilingual speaker recognition", Interspeech 2017).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.errors import named
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.types import FloatArray

Scores = NDArray[np.floating]
Places = NDArray[np.intp]
BLOCK = 65_536  # pairs scored at a time: 100 MB of embeddings
CHUNK = 1_024  # embeddings compared with the cohort at a time
LEAST_STD = 1e-3  # a cohort of one embedding repeated would divide by zero
ITSELF = 0.98  # cosine from which a row of the cohort is the compared recording itself


@dataclass(frozen=True)
class Cohort:
    """Speakers to normalize with: `embeddings (c, dim)`, their `top` nearest count, and their names."""

    embeddings: FloatArray
    top: int
    speakers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Backend:
    """A cohort asks for AS-norm, a calibration for llrs, neither for plain cosine."""

    name: str
    cohort: Cohort | None = None
    calibration: Calibration | None = None

    @property
    def gives_llrs(self) -> bool:
        return self.calibration is not None

    def pairs(self, embeddings: FloatArray, enroll: Places, test: Places) -> Scores:
        """`(n,)` for rows `enroll[k]` and `test[k]` of `embeddings`, L2-normalized."""
        scores = _cosines(embeddings, enroll, test)
        if self.cohort is not None:
            found = cohort_statistics(embeddings, self.cohort.embeddings, self.cohort.top)
            return normalize(scores, found[test], found[enroll])
        return self.calibration.llr(scores) if self.calibration else scores

    def matrix(self, probes: FloatArray, enrolled: FloatArray) -> Scores:
        """`(p, n)`"""
        scores = cosine(probes, enrolled)
        if self.cohort is not None:
            one, other = (cohort_statistics(x, self.cohort.embeddings, self.cohort.top) for x in (probes, enrolled))
            return normalize(scores, one[:, None], other[None, :])
        return self.calibration.llr(scores) if self.calibration else scores

    def stamps(self, speakers: Iterable[str]) -> list[str]:
        """Whether AS-norm compares with the very `speakers` under test: its figures are then not those of strangers."""
        shared = sorted(self.cohort.speakers & set(speakers)) if self.cohort else []
        found = f"CONTAMINATED: {len(shared)} tested speakers are in the cohort too: {named(shared)}."
        return [f"{found} Do not quote these figures; take a cohort of other people with --cohort."] if shared else []


def _cosines(embeddings: FloatArray, enroll: Places, test: Places) -> Scores:
    blocks = [slice(start, start + BLOCK) for start in range(0, len(enroll), BLOCK)]
    return np.concatenate([np.einsum("ij,ij->i", embeddings[enroll[one]], embeddings[test[one]]) for one in blocks])


@dataclass(frozen=True)
class CohortStatistics:
    """Mean and standard deviation `(n,)` of the highest scores of n embeddings against a cohort; indexed alike."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def __getitem__(self, rows: NDArray[np.integer] | tuple[slice | None, slice | None]) -> CohortStatistics:
        return CohortStatistics(self.mean[rows], self.std[rows])


def cohort_statistics(embeddings: FloatArray, cohort: FloatArray, top: int) -> CohortStatistics:
    """`embeddings (n, dim)` against `cohort (c, dim)`, all L2-normalized. Raises `ValueError` for an empty cohort."""
    size = len(cohort)
    if not size or top < 1:
        raise ValueError(f"need a cohort and top >= 1, got {size} embeddings and top {top}")
    top = min(top, size)
    means, stds = np.empty(len(embeddings)), np.empty(len(embeddings))
    for start in range(0, len(embeddings), CHUNK):
        rows = slice(start, start + CHUNK)
        scores = embeddings[rows] @ cohort.T
        scores[scores > ITSELF] = -1.0
        highest = np.partition(scores, size - top, axis=1)[:, size - top :]
        means[rows] = highest.mean(axis=1, dtype=np.float64)
        stds[rows] = highest.std(axis=1, dtype=np.float64)
    return CohortStatistics(means, np.maximum(stds, LEAST_STD))


def normalize(scores: NDArray[np.floating], one: CohortStatistics, other: CohortStatistics) -> NDArray[np.float64]:
    """`scores` of pairs whose sides have the statistics `one` and `other`, of the same shape or to be broadcast."""
    both: NDArray[np.float64] = 0.5 * ((scores - one.mean) / one.std + (scores - other.mean) / other.std)
    return both
