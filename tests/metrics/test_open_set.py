from __future__ import annotations

import numpy as np
import pytest

from speakerid.metrics.curves import error_curve, operating_point
from speakerid.metrics.open_set import STRANGER, searches, top_k_accuracy

LLRS = np.array(
    [
        [5.0, 1.0, 0.0],  # of speaker 0, found
        [3.0, 4.0, 0.0],  # of speaker 0, second
        [2.0, 2.0, 0.0],  # of speaker 1, tied with another
        [0.0, 4.5, 1.0],  # of nobody
        [0.5, 0.0, 1.0],  # of nobody
    ]
)
TRUTH = [0, 0, 1, STRANGER, STRANGER]


def test_searches_within_one_and_two_candidates() -> None:
    scores, known = searches(LLRS, TRUTH)
    assert scores.tolist() == [5.0, -np.inf, -np.inf, 4.5, 1.0]
    assert known.tolist() == [True, True, True, False, False]
    assert searches(LLRS, TRUTH, within=2)[0].tolist() == [5.0, 3.0, 2.0, 4.5, 1.0]


def test_fnir_and_fpir_are_read_from_the_curve() -> None:
    curve = error_curve(*searches(LLRS, TRUTH))
    point = operating_point(curve, 0.5)
    assert (point.threshold, point.fpr) == (4.5, 0.5)
    assert point.fnr == pytest.approx(2 / 3)


def test_top_k_accuracy() -> None:
    assert top_k_accuracy(LLRS, TRUTH, 1) == pytest.approx(1 / 3)
    assert top_k_accuracy(LLRS, TRUTH, 2) == 1.0
    with pytest.raises(ValueError, match="no probe"):
        top_k_accuracy(LLRS, [STRANGER] * 5)


def test_strangers_are_named_as_often_as_independent_comparisons_say() -> None:
    """FPIR = 1 - (1 - FMR)^N; 20,000 strangers leave a standard error of 0.0034 at 0.63."""
    scores, known = searches(np.random.default_rng(0).uniform(size=(20_001, 100)), [0] + [STRANGER] * 20_000)
    assert (scores[~known] >= 0.99).mean() == pytest.approx(1 - 0.99**100, abs=0.015)
