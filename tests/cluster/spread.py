"""`cluster.actors.spread` in this process: what is worked on, and who takes it, pickled as there."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Sequence
from typing import Any


def spread_here(
    work: Callable[..., Callable[[Any], Any]], arguments: tuple[object, ...], items: Sequence[Any], *, workers: int
) -> Generator[Any]:
    make, given = pickle.loads(pickle.dumps((work, arguments)))
    made = make(*given)
    for item in items:
        yield pickle.loads(pickle.dumps(made(pickle.loads(pickle.dumps(item)))))
