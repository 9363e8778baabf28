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
    found: float
    both: float

    def __add__(self, other: OverlapErrors) -> OverlapErrors:
        return OverlapErrors(self.true + other.true, self.found + other.found, self.both + other.both)

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 0.0


def overlap_errors(truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float) -> OverlapErrors:
    """Two or more voices of the `answer` that have turns at once are found to overlap."""
    true, found = (_count(turns, seconds) > 1 for turns in (truth, answer))
    return OverlapErrors(*(float(one.sum()) / FRAMES_PER_S for one in (true, found, true & found)))


def _count(turns: Sequence[ReferenceTurn], seconds: float) -> NDArray[np.intp]:
    speaking = [
        frames([one for one in turns if one.speaker == name], seconds) for name in {one.speaker for one in turns}
    ]
    count: NDArray[np.intp] = np.sum([frames([], seconds), *speaking], axis=0, dtype=np.intp)
    return count
