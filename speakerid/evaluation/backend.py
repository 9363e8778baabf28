"""How two embeddings become a score: cosine, AS-norm of it, or the very llr that the service decides by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation import asnorm
from speakerid.evaluation.errors import named
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.types import FloatArray

Scores = NDArray[np.floating]
Places = NDArray[np.intp]
BLOCK = 65_536  # pairs scored at a time: 100 MB of embeddings


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

    def pairs(self, voices: FloatArray, enroll: Places, test: Places) -> Scores:
        """`(n,)` for rows `enroll[k]` and `test[k]` of `voices`, L2-normalized."""
        scores = _cosines(voices, enroll, test)
        if self.cohort is not None:
            found = asnorm.statistics(voices, self.cohort.embeddings, self.cohort.top)
            return asnorm.normalize(scores, found[test], found[enroll])
        return self.calibration.llr(scores) if self.calibration else scores

    def matrix(self, probes: FloatArray, enrolled: FloatArray) -> Scores:
        """`(p, n)`"""
        scores = cosine(probes, enrolled)
        if self.cohort is not None:
            one, other = (asnorm.statistics(x, self.cohort.embeddings, self.cohort.top) for x in (probes, enrolled))
            return asnorm.normalize(scores, one[:, None], other[None, :])
        return self.calibration.llr(scores) if self.calibration else scores

    def stamps(self, speakers: Iterable[str]) -> list[str]:
        """Whether AS-norm compares with the very `speakers` under test: its figures are then not those of strangers."""
        shared = sorted(self.cohort.speakers & set(speakers)) if self.cohort else []
        found = f"CONTAMINATED: {len(shared)} tested speakers are in the cohort too: {named(shared)}."
        return [f"{found} Do not quote these figures; take a cohort of other people with --cohort."] if shared else []


def _cosines(embeddings: FloatArray, enroll: Places, test: Places) -> Scores:
    blocks = [slice(start, start + BLOCK) for start in range(0, len(enroll), BLOCK)]
    return np.concatenate([np.einsum("ij,ij->i", embeddings[enroll[one]], embeddings[test[one]]) for one in blocks])
