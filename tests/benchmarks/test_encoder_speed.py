from __future__ import annotations

import numpy as np
import pytest

from benchmarks.encoder_speed import BASIS, SECONDS, exported, measure, report
from speakerid.encoders.fake import FakeEncoder
from speakerid.models.parity import signal


def test_the_median_counts_and_the_slowest_is_first() -> None:
    lines = list(report({BASIS: [2.0, 4.0, 90.0], "quick": [1.0, 1.0, 1.0], "slow": [6.0, 6.0, 0.0]}))
    assert lines[2:] == ["| slow | 6.0 | 1.50 |", f"| {BASIS} | 4.0 | 1.00 |", "| quick | 1.0 | 0.25 |"]


def test_encoders_take_turns_and_warm_up_is_not_counted() -> None:
    encoders = {"a": FakeEncoder(), "b": FakeEncoder()}
    times = measure(encoders, signal(0.5), turns=3)
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    assert min(min(values) for values in times.values()) > 0.0


@pytest.mark.slow
def test_the_exported_graph_embeds_three_seconds() -> None:
    (row,) = exported().embed([signal(SECONDS)])
    assert row.shape == (192,)
    assert np.linalg.norm(row) == pytest.approx(1.0, abs=1e-5)
