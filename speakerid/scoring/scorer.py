"""From two sides to llrs: cosine, normalization, quality measures and calibration in one step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import CohortInvalid
from speakerid.scoring import asnorm
from speakerid.scoring.asnorm import CohortStatistics
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.cosine import cosine
from speakerid.scoring.quality import measures
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray


@dataclass(frozen=True)
class Compared:
    """p probes against n enrolled, all `(p, n)`. `scores` are what was calibrated: cosines, or AS-norm of them."""

    cosines: FloatArray
    scores: NDArray[np.floating]
    llrs: NDArray[np.float64]

    def __getitem__(self, pick: tuple[slice, slice | NDArray[np.integer]]) -> Compared:
        return Compared(self.cosines[pick], self.scores[pick], self.llrs[pick])


@dataclass(frozen=True)
class Scorer:
    """Raises CohortInvalid when the calibration was fitted with another cohort than `cohort`."""

    calibration: Calibration
    cohort: Cohort | None = None

    def __post_init__(self) -> None:
        found = None if self.cohort is None else self.cohort.digest
        if self.calibration.score == "asnorm" and self.calibration.cohort != found:
            raise CohortInvalid("The calibration was fitted with another cohort. Fit it again with this one.")

    def compare(self, probes: Side, enrolled: Side) -> Compared:
        cosines = cosine(probes.embeddings, enrolled.embeddings)
        scores = cosines if self.calibration.score == "cosine" else self._normalized(cosines, probes, enrolled)
        return Compared(cosines, scores, self.calibration.llr(scores, measures(probes)[:, None, :]))

    def threshold_llrs(self, pairs: Compared, fmr: float) -> NDArray[np.float64]:
        """`(p, n)`: the llr that each pair would have at the score which different speakers exceed with chance `fmr`.

        Quality measures move a pair's llr and its threshold alike: they change what is believed, not how often
        strangers are named.
        """
        missing = self.calibration.score_for_fmr(fmr) - pairs.scores
        thresholds: NDArray[np.float64] = pairs.llrs + self.calibration.slope * missing
        return thresholds

    def _normalized(self, cosines: FloatArray, probes: Side, enrolled: Side) -> NDArray[np.float64]:
        if self.cohort is None:
            raise ValueError("AS-norm needs a cohort")
        return normalized(cosines, probes, enrolled, self.cohort)


def normalized(cosines: FloatArray, probes: Side, enrolled: Side, cohort: Cohort) -> NDArray[np.float64]:
    """AS-norm of `cosines (p, n)`, each side against the part of the cohort that was heard like the other side."""
    probes_like, enrolled_like = cohort.nearest(probes), cohort.nearest(enrolled)
    of_probes = _by_part(probes, cohort, enrolled_like)
    of_enrolled = _by_part(enrolled, cohort, probes_like)
    found = np.empty(cosines.shape)
    for part, other in product(of_enrolled, of_probes):
        rows, columns = np.flatnonzero(probes_like == part), np.flatnonzero(enrolled_like == other)
        pairs = np.ix_(rows, columns)
        found[pairs] = asnorm.normalize(cosines[pairs], of_probes[other][rows], of_enrolled[part][columns])
    return found


def _by_part(side: Side, cohort: Cohort, wanted: NDArray[np.intp]) -> dict[int, CohortStatistics]:
    return {
        part: asnorm.statistics(side.embeddings, cohort.columns_by_part[part], cohort.top)
        for part in np.unique(wanted).tolist()
    }
