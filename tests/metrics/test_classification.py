from __future__ import annotations

import numpy as np
import pytest

from speakerid.metrics.classification import STRANGER, Confusion, accuracy, searches, top_k_accuracy
from speakerid.metrics.eer import error_curve, operating_point

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


def test_accuracy_by_hand() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.7, 0.1, 0.2], [0.6, 0.1, 0.5]])
    found = accuracy(scores, np.array([0, 1, 2, 2]), ("ada", "ben", "cat"), resamples=0)
    assert (found.top_1, found.top_5, found.intervals) == (50.0, 100.0, {})
    # ada: 1 of 3 answers right, all of hers found; ben: all; cat: none
    assert found.precision == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)
    assert found.recall == pytest.approx(100 * 2 / 3)
    assert found.f1 == pytest.approx(100 * (0.5 + 1 + 0) / 3)
    assert found.confusions == (Confusion("cat", "ada", 2),)
