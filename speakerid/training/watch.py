"""What a progress display hears of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    step: int
    share: float  # of the whole run, 0 to 1
    eta_s: float
    loss: float


@dataclass(frozen=True)
class Watch:
    """`files` and `voices` are told how many of how many are done."""

    files: Callable[[int, int], None] = lambda done, total: None
    voices: Callable[[int, int], None] = lambda done, total: None
    step: Callable[[Seen], None] = lambda seen: None
