"""How two embeddings become a score: cosine, or the calibrated llr of the encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.types import FloatArray

Scores = NDArray[np.floating]
BLOCK = 65_536  # pairs scored at a time: 100 MB of embeddings


@dataclass(frozen=True)
class Backend:
    name: str
    calibration: Calibration | None = None

    @property
    def gives_llrs(self) -> bool:
        return self.calibration is not None

    def pairs(self, embeddings: FloatArray, enroll: NDArray[np.intp], test: NDArray[np.intp]) -> Scores:
        """`(n,)` for rows `enroll[k]` and `test[k]` of `embeddings`, which are L2-normalized."""
        blocks = [slice(start, start + BLOCK) for start in range(0, len(enroll), BLOCK)]
        scores = [np.einsum("ij,ij->i", embeddings[enroll[one]], embeddings[test[one]]) for one in blocks]
        return self._calibrated(np.concatenate(scores))

    def matrix(self, probes: FloatArray, enrolled: FloatArray) -> Scores:
        """`(p, n)`"""
        return self._calibrated(cosine(probes, enrolled))

    def _calibrated(self, scores: Scores) -> Scores:
        return self.calibration.llr(scores) if self.calibration else scores
