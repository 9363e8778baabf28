from __future__ import annotations

import itertools

import numpy as np
import pytest

from speakerid.scoring.cosine import LEAST_S, cosine, shares, voiceprint, voiceprints


def test_cosine_ignores_length_and_keeps_order() -> None:
    a = np.array([[3, 0], [0, 0.1]], np.float32)
    b = np.array([[1, 0], [1, 1], [-5, 0]], np.float32)
    half = 0.5**0.5
    np.testing.assert_allclose(cosine(a, b), [[1, half, -1], [0, half, 0]], atol=1e-7)


def test_cosine_never_leaves_its_range() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 192)).astype(np.float32)
    assert np.abs(cosine(rows, rows)).max() <= 1.0


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_a_row_without_direction_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="zero or not a number"):
        cosine(np.full((1, 4), bad, np.float32), np.ones((1, 4), np.float32))


def test_voiceprint_counts_directions_not_lengths() -> None:
    print_ = voiceprint(np.array([[100, 0], [0, 1]], np.float32))
    np.testing.assert_allclose(print_, [0.5**0.5, 0.5**0.5], atol=1e-7)
    assert print_.dtype == np.float32


def test_voiceprint_weighs_by_speech() -> None:
    embeddings = np.array([[1, 0], [0, 1]], np.float32)
    np.testing.assert_allclose(voiceprint(embeddings, [3.0, 4.0]), [0.6, 0.8], atol=1e-7)


def test_many_voiceprints_at_once_are_those_of_each_to_the_last_digit() -> None:
    random = np.random.default_rng(0)
    counts = random.integers(1, 12, 50).tolist()
    embeddings = random.standard_normal((sum(counts), 192)).astype(np.float32)
    weights, at = random.uniform(0.1, 20.0, len(embeddings)), np.cumsum([0, *counts])
    each = [voiceprint(embeddings[start:end], weights[start:end]) for start, end in itertools.pairwise(at)]
    np.testing.assert_array_equal(voiceprints(embeddings, counts, weights), each)


def test_voiceprint_refuses_nothing_and_opposites() -> None:
    with pytest.raises(ValueError, match="at least one"):
        voiceprint(np.empty((0, 4), np.float32))
    with pytest.raises(ValueError, match="zero or not a number"):
        voiceprint(np.array([[1, 0], [-1, 0]], np.float32))


def test_mean_counts_utterances_and_weighted_counts_seconds() -> None:
    seconds = np.array([2.0, 60.0, 0.0])
    assert shares("mean", seconds).tolist() == [1.0, 1.0, 1.0]
    assert shares("weighted", seconds).tolist() == [2.0, 60.0, LEAST_S]
