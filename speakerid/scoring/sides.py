"""One side of many comparisons: embeddings, and how much and how good the speech behind each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.types import FloatArray, Speech

Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """n utterances or voiceprints. Of a voiceprint, `seconds` is the sum over its utterances, the others their mean."""

    embeddings: FloatArray  # (n, dim)
    seconds: NDArray[np.float64]  # (n,) net speech
    snr_db: NDArray[np.float64]  # (n,) NaN where it is not known
    bandwidth_hz: NDArray[np.float64]  # (n,)
    keys: Keys | None = None  # (n,) of the speakers whose they are, where that is known

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Side:
        keys = None if self.keys is None else self.keys[rows]
        return Side(self.embeddings[rows], self.seconds[rows], self.snr_db[rows], self.bandwidth_hz[rows], keys)

    @classmethod
    def of(cls, embeddings: FloatArray, speech: Sequence[Speech], keys: Sequence[int] | None = None) -> Side:
        """`embeddings (n, dim)` and what was measured in each recording."""
        return cls(
            embeddings,
            seconds=np.array([one.seconds for one in speech], np.float64),
            snr_db=np.array([np.nan if one.snr_db is None else one.snr_db for one in speech], np.float64),
            bandwidth_hz=np.array([one.bandwidth_hz for one in speech], np.float64),
            keys=None if keys is None else np.array(keys, np.int64),
        )

    @classmethod
    def joined(cls, sides: Sequence[Side]) -> Side:
        return cls(
            np.concatenate([one.embeddings for one in sides]),
            np.concatenate([one.seconds for one in sides]),
            np.concatenate([one.snr_db for one in sides]),
            np.concatenate([one.bandwidth_hz for one in sides]),
            _joined_keys(sides),
        )


def _joined_keys(sides: Sequence[Side]) -> Keys | None:
    keys = [one.keys for one in sides if one.keys is not None]
    return np.concatenate(keys) if len(keys) == len(sides) else None
