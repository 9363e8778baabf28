"""The assignment problem: every row gets a column of its own, at the least cost in all.

Shortest augmenting paths (Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
assignment problems", Computing 38, 1987). SciPy has it too, and is a quarter of what a service would install.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]
FREE = -1


def assignment(costs: NDArray[np.floating]) -> list[tuple[int, int]]:
    """`costs (n, m)` -> the (row, column) pairs, `min(n, m)` of them, by row."""
    if costs.shape[0] > costs.shape[1]:
        return sorted((row, column) for column, row in assignment(costs.T))
    table = _Table(costs.astype(np.float64))
    for row in range(len(costs)):
        table.seat(row)
    return sorted((int(row), column) for column, row in enumerate(table.owners[:-1]) if row != FREE)


class _Table:
    """`owners (m + 1,)`: the row that has each column; the last column is none, where a new row waits."""

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
