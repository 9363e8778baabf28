from __future__ import annotations

import numpy as np
import pytest

from speakerid.metrics.intervals import wilson
from speakerid.training.held_out import DevSet, compare, measure
from speakerid.types import FloatArray


def dev_set(speakers: list[int], recordings: list[int]) -> DevSet:
    return DevSet("few", [np.zeros(1, np.float32)] * len(speakers), speakers, recordings)


def scattered(noise: float, seed: int = 1) -> FloatArray:
    """Ten speakers, four rows each."""
    random = np.random.default_rng(0)
    speakers = np.repeat(random.standard_normal((10, 16)), 4, axis=0)
    rows = (speakers + noise * np.random.default_rng(seed).standard_normal((40, 16))).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


TEN = dev_set([i // 4 for i in range(40)], list(range(40)))


def test_pairs_of_one_recording_do_not_count() -> None:
    found = measure(np.eye(4, dtype=np.float32), dev_set([0, 0, 1, 1], [0, 1, 0, 0]))
    assert (found.targets, found.nontargets) == (1, 4)


def test_the_rate_is_in_percent_and_the_interval_holds_it() -> None:
    separated = measure(scattered(0.0), TEN)
    assert (separated.value, separated.low) == (0.0, 0.0)
    assert separated.high == pytest.approx(100 * wilson(0, 10).high)  # no resample of ten speakers can differ
    found = measure(scattered(1.2), TEN)
    assert 1 < found.value < 50
    assert found.low <= found.value <= found.high
    assert found.low < found.high


def test_the_interval_of_the_difference_knows_who_was_met_twice() -> None:
    better = compare(scattered(1.5), scattered(0.7), TEN)
    assert better.change.low < better.change.high < 0
    assert better.before.value > better.after.value
    same = compare(scattered(1.0), scattered(1.0), TEN)
    assert (same.change.low, same.change.high) == (0.0, 0.0)
    perfect = compare(scattered(0.0), scattered(0.0), TEN)
    assert (perfect.change.low, perfect.change.high) == (-perfect.before.high, perfect.after.high)
    by_chance = compare(scattered(1.0), scattered(1.0, seed=2), TEN)
    assert by_chance.change.low <= 0 < by_chance.change.high
