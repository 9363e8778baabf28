"""Embeddings of a recording's stretches, and how much speech is behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray


@dataclass(frozen=True)
class Side:
    embeddings: FloatArray  # (n, dim)
    seconds: NDArray[np.float64]  # (n,)

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Side:
        return Side(self.embeddings[rows], self.seconds[rows])

    @classmethod
    def joined(cls, sides: Sequence[Side]) -> Side:
        return cls(np.concatenate([one.embeddings for one in sides]), np.concatenate([one.seconds for one in sides]))
