"""Names for the voices of one recording: each name at most once, none below its threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.assignment import assignment

Llrs = NDArray[np.float64]


@dataclass(frozen=True)
class Named:
    """What became of one voice. `column` is the name it got, with "ambiguous" the better one of two.

    `taken`: it would have reached a threshold, had the name not gone to a voice that it fits better.
    """

    decision: Literal["accept", "unknown", "ambiguous"]
    column: int | None = None
    taken: bool = False


def exclusive(llrs: Llrs, thresholds: Llrs, ambiguous_margin: float) -> list[Named]:
    """`llrs` and `thresholds (v, n)` of v voices against n speakers.

    Names are dealt out so that the llrs exceed their thresholds by as much as possible in all (assignment problem).
    "ambiguous" where a speaker whom no other voice got is closer than `ambiguous_margin`.
    """
    reaching = llrs >= thresholds
    worth = np.where(reaching, llrs - thresholds + 1e-9, 0.0)
    dealt = dict(assignment(-worth))
    won = {row: column for row, column in dealt.items() if reaching[row, column]}
    free = np.ones(llrs.shape[1], np.bool_)
    free[list(won.values())] = False
    return [_named(row, won, llrs, reaching, free, ambiguous_margin) for row in range(len(llrs))]


def _named(
    row: int, won: dict[int, int], llrs: Llrs, reaching: NDArray[np.bool_], free: NDArray[np.bool_], margin: float
) -> Named:
    column = won.get(row)
    if column is None:
        return Named("unknown", taken=bool(reaching[row].any()))
    rivals = llrs[row][reaching[row] & free]
    if len(rivals) and llrs[row, column] - rivals.max() < margin:
        return Named("ambiguous", column)
    return Named("accept", column)
