"""How two embeddings become a score: cosine, AS-norm of it, or the very llr that the service decides by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring import asnorm
from speakerid.scoring.asnorm import CohortStatistics
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.cosine import cosine
from speakerid.scoring.quality import measures
from speakerid.scoring.scorer import Scorer, normalized
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray

Scores = NDArray[np.floating]
Places = NDArray[np.intp]
BLOCK = 65_536  # pairs scored at a time: 100 MB of embeddings


@dataclass(frozen=True)
class Backend:
    """With a calibration, `cohort` is the one that it was fitted with; without, a cohort asks for AS-norm.

    `cohort_speakers` are the names of its speakers, empty where nothing tells them.
    """

    name: str
    cohort: Cohort | None = None
    calibration: Calibration | None = None
    cohort_speakers: frozenset[str] = frozenset()

    @property
    def gives_llrs(self) -> bool:
        return self.calibration is not None

    def pairs(self, voices: Side, enroll: Places, test: Places) -> Scores:
        """`(n,)` for rows `enroll[k]` and `test[k]` of `voices`, whose embeddings are L2-normalized."""
        scores = _cosines(voices.embeddings, enroll, test)
        if (cohort := self.normalizing) is not None:
            parts = [asnorm.statistics(voices.embeddings, one, cohort.top) for one in cohort.columns_by_part]
            found, like = CohortStatistics.by_part(parts), cohort.nearest(voices)
            scores = asnorm.normalize_pairs(scores, found[test, like[enroll]], found[enroll, like[test]])
        return self.calibration.llr(scores, measures(voices[test])) if self.calibration else scores

    def matrix(self, probes: Side, enrolled: Side) -> Scores:
        """`(p, n)`"""
        if self.calibration is not None:
            return Scorer(self.calibration, self.cohort).compare(probes, enrolled).llrs
        cosines = cosine(probes.embeddings, enrolled.embeddings)
        return cosines if self.cohort is None else normalized(cosines, probes, enrolled, self.cohort)

    @property
    def normalizing(self) -> Cohort | None:
        """The cohort, if scores are normalized by it."""
        if self.calibration is not None and self.calibration.score == "cosine":
            return None
        return self.cohort


def _cosines(embeddings: FloatArray, enroll: Places, test: Places) -> Scores:
    blocks = [slice(start, start + BLOCK) for start in range(0, len(enroll), BLOCK)]
    return np.concatenate([np.einsum("ij,ij->i", embeddings[enroll[one]], embeddings[test[one]]) for one in blocks])
