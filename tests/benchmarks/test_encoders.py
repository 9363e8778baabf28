from __future__ import annotations

import numpy as np
import pytest

from benchmarks.encoders import _row
from speakerid.training.held_out import DevSet
from speakerid.types import FloatArray


@pytest.fixture
def made() -> DevSet:
    """Twelve speakers, four recordings each; a wave is only a number to draw a vector by."""
    found = DevSet("made up")
    for number in range(48):
        found.add(np.full(4, number, dtype=np.float32), number // 4, number)
    return found


def noisy(seed: int, noise: float) -> FloatArray:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(12, 8)).repeat(4, axis=0) + noise * random.normal(size=(48, 8))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_pair_is_as_good_as_its_parts_or_better(made: DevSet, share: float) -> None:
    one, other = noisy(1, 0.8), noisy(2, 0.8)
    embedders = {"one": lambda wave: one[int(wave[0])], "other": lambda wave: other[int(wave[0])]}
    alone, partner, pair = (cell.value for cell in _row(made, embedders, "other", share))
    if share in (0.0, 1.0):
        assert pair == pytest.approx(alone if share else partner)
    else:
        assert pair < min(alone, partner)
