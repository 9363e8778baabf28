"""How slow a peer may be: what it brings buys time, so that much may take long and nothing may not."""

from __future__ import annotations

PATIENCE_S = 15.0  # of silence, and of everything that is slower than BYTES_PER_S
BYTES_PER_S = 1024.0  # the slowest that a body may come and an answer may be read: 2 GiB over a slow line pass


class Patience:
    """Seconds that may still be waited: `most_s` at the beginning, and never more than that."""

    def __init__(self, most_s: float = PATIENCE_S) -> None:
        self.most_s = most_s
        self.left_s = most_s

    def spend(self, waited_s: float) -> None:
        self.left_s = max(0.0, self.left_s - waited_s)

    def earn(self, bought_s: float) -> None:
        self.left_s = min(self.most_s, self.left_s + bought_s)

    def moved(self, size: int) -> None:
        """So many bytes got through."""
        self.earn(size / BYTES_PER_S)

    @property
    def over(self) -> bool:
        return self.left_s <= 0.0
