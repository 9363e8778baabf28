from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from speakerid.metrics.classification import (
    STRANGER,
    Confusion,
    PerName,
    accuracy,
    confusion_matrix,
    searches,
    top_k_accuracy,
)
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


def guessed(probes: int, names: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that favour the right one a little; the last of the names is never asked about, but answered."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, names - 1, probes)
    return np.eye(names)[truth] + random.standard_normal((probes, names)), truth


@pytest.mark.parametrize("seed", range(3))
def test_macro_figures_are_scikit_learns_over_the_labels_that_were_asked_about(seed: int) -> None:
    scores, truth = guessed(60, 5, seed)
    found = accuracy(scores, truth, "abcde", resamples=0)
    answers = scores.argmax(axis=1)
    assert 4 in answers
    expected = precision_recall_fscore_support(truth, answers, labels=range(4), average="macro", zero_division=0.0)
    assert (found.precision, found.recall, found.f1) == pytest.approx([100 * one for one in expected[:3]])


def test_figures_of_each_label() -> None:
    found = PerName.of(confusion_matrix(np.array([0, 1, 0, 0]), np.array([0, 1, 2, 2]), 4))
    assert found.precision == pytest.approx([100 / 3, 100, 0, 0])
    assert found.recall == pytest.approx([100, 100, 0, np.nan], nan_ok=True)
    assert found.f1 == pytest.approx([50, 100, 0, np.nan], nan_ok=True)


def test_all_four_figures_have_intervals_around_them() -> None:
    scores, truth = guessed(400, 5)
    found = accuracy(scores, truth, "abcde", resamples=100, speakers=np.arange(400) % 40)
    for name in ("top_1", "top_5", "precision", "recall", "f1"):
        low, high = found.intervals[name]
        assert low <= getattr(found, name) <= high
        assert 2.0 < high - low < 20.0 or name == "top_5"


def test_many_recordings_of_few_speakers_are_worth_little() -> None:
    random = np.random.default_rng(1)
    right = np.repeat(random.random(8) < 0.7, 50)  # each speaker is understood always or never
    scores = np.where(right[:, None], [[1.0, 0.0]], [[0.0, 1.0]])
    widths = [
        np.ptp(accuracy(scores, np.zeros(400, np.intp), "ab", 200, speakers).intervals["top_1"])
        for speakers in (np.repeat(np.arange(8), 50), np.arange(400))
    ]
    assert widths[0] > 4 * widths[1]


def test_nothing_wrong_with_few_speakers_is_no_proof() -> None:
    truth = np.arange(40) % 2
    found = accuracy(np.eye(2)[truth], truth, "ab", 50, speakers=np.arange(40) % 4)
    assert found.f1 == 100.0
    low, high = found.intervals["f1"]
    assert (low, high) == pytest.approx((51.0, 100.0), abs=0.5)  # Wilson: 4 of 4


def test_the_best_five_are_no_less_certain_than_the_best() -> None:
    """Always right among five, nearly always as the best: Wilson's interval over 20 speakers would reach down to 84."""
    scores = np.tile(np.eye(6)[0], (200, 1))
    scores[0] = [1, 2, 0, 0, 0, 0]
    found = accuracy(scores, np.zeros(200, np.intp), "abcdef", 100, speakers=np.arange(200) % 20)
    assert found.top_5 == 100.0 > found.top_1
    assert found.intervals["top_5"][0] == found.intervals["top_1"][0] > 95.0
