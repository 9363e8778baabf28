"""Where two or more speak at once, found and missed, on a grid of 10 ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.recordings.naming_errors import FRAMES_PER_S, frames
from benchmarks.recordings.reference import ReferenceTurn


@dataclass(frozen=True)
class OverlapErrors:
    """Seconds in which two or more speak, in the truth, in the answer, and in both."""

    true: float
    told: float
    both: float

    def __add__(self, other: OverlapErrors) -> OverlapErrors:
        return OverlapErrors(self.true + other.true, self.told + other.told, self.both + other.both)

    @property
    def precision(self) -> float:
        return self.both / self.told if self.told else 0.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 0.0


def overlap_errors(truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float) -> OverlapErrors:
    """Two or more voices of the `answer` that have turns at once are told to overlap."""
    true, told = (_count(said, seconds) > 1 for said in (truth, answer))
    return OverlapErrors(*(float(one.sum()) / FRAMES_PER_S for one in (true, told, true & told)))


def _count(said: Sequence[ReferenceTurn], seconds: float) -> NDArray[np.intp]:
    speaking = [frames([one for one in said if one.speaker == name], seconds) for name in {one.speaker for one in said}]
    count: NDArray[np.intp] = np.sum([frames([], seconds), *speaking], axis=0, dtype=np.intp)
    return count
