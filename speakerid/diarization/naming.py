"""Names for the clusters of one recording: each name at most once, none below its threshold.

Names are dealt out by the assignment problem, solved with shortest augmenting paths (Jonker & Volgenant, "A shortest
augmenting path algorithm for dense and sparse linear assignment problems", Computing 38, 1987). SciPy has it too, and
is a quarter of what a service would install.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Llrs = NDArray[np.float64]
Costs = NDArray[np.float64]
FREE = -1


@dataclass(frozen=True)
class Named:
    """What became of one cluster. `column` is the name it got, with "ambiguous" the better one of two.

    `taken`: it would have reached a threshold, had the name not gone to a cluster that it fits better.
    """

    decision: Literal["accept", "unknown", "ambiguous"]
    column: int | None = None
    taken: bool = False


def exclusive(llrs: Llrs, thresholds: Llrs, ambiguous_margin: float) -> list[Named]:
    """Deal out names: `llrs` and `thresholds (v, n)` of v clusters against n speakers.

    Names are dealt out so that the llrs exceed their thresholds by as much as possible in all (assignment problem).
    "ambiguous" where a speaker whom no other cluster got is closer than `ambiguous_margin`.
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


def recurring(llrs: Llrs, thresholds: Llrs) -> list[int | None]:
    """The kept unknown, a column, that each cluster of a recording is; None for one that is new.

    `llrs` and `thresholds (v, n)` of v clusters against n kept unknowns, none of whom is two clusters of a recording. A
    cluster like two kept ones goes to the better: they may be one person, whom an earlier recording did not recognize.
    """
    return [one.column for one in exclusive(llrs, thresholds, ambiguous_margin=-math.inf)]


def assignment(costs: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Assign rows to columns: `costs (n, m)` -> the `min(n, m)` pairs of the least total cost, by row."""
    if costs.shape[0] > costs.shape[1]:
        return sorted((row, column) for column, row in assignment(costs.T))
    table = _Table(costs.astype(np.float64))
    for row in range(len(costs)):
        table.seat(row)
    return sorted((int(row), column) for column, row in enumerate(table.owners[:-1]) if row != FREE)


class _Table:
    """State of the search.

    `owners (m + 1,)`: the row that has each column; the last column is none, where a new row waits.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._row_prices = np.zeros(costs.shape[0])
        self._column_prices = np.zeros(costs.shape[1] + 1)
        self.owners = np.full(costs.shape[1] + 1, FREE)

    def seat(self, row: int) -> None:
        """Give `row` a column, moving others to where that costs least."""
        self.owners[-1] = row
        column, came_from = self._free_column()
        while column != len(self.owners) - 1:
            before = came_from[column]
            self.owners[column] = self.owners[before]
            column = before
        self.owners[-1] = FREE

    def _free_column(self) -> tuple[int, NDArray[np.intp]]:
        """Dijkstra's search on what a move costs beyond the prices; raises prices so that no such cost is negative."""
        count = len(self.owners)
        shortest, came_from = np.full(count, np.inf), np.full(count, count - 1)
        visited, column = np.zeros(count, np.bool_), count - 1
        while self.owners[column] != FREE:
            visited[column] = True
            self._relax(int(self.owners[column]), column, shortest, came_from, visited)
            column = int(np.where(visited, np.inf, shortest).argmin())
            step = shortest[column]
            self._row_prices[self.owners[visited]] += step
            self._column_prices[visited] -= step
            shortest[~visited] -= step
        return column, came_from

    def _relax(
        self, row: int, column: int, shortest: Costs, came_from: NDArray[np.intp], visited: NDArray[np.bool_]
    ) -> None:
        """The last column is visited first, so it never gets a way back."""
        beyond = self._costs[row] - self._row_prices[row] - self._column_prices[:-1]
        shorter = np.flatnonzero(~visited[:-1] & (beyond < shortest[:-1]))
        shortest[shorter], came_from[shorter] = beyond[shorter], column
