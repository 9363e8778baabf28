from __future__ import annotations

import numpy as np

from speakerid.scoring.enrollment_pooling import LEAST_S, shares


def test_mean_counts_utterances_and_weighted_counts_seconds() -> None:
    seconds = np.array([2.0, 60.0, 0.0])
    assert shares("mean", seconds).tolist() == [1.0, 1.0, 1.0]
    assert shares("weighted", seconds).tolist() == [2.0, 60.0, LEAST_S]
