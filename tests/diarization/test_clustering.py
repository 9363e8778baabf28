from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from speakerid.diarization.clustering import ClusterOptions, cluster, means, without_small
from tests.diarization.voices import comparing, windows_of

STOP_LLR = -1.0
TRUTH = [0] * 30 + [1] * 20 + [2] * 12 + [0] * 8


def test_voices_are_told_apart() -> None:
    rows = windows_of(TRUTH)
    assert adjusted_rand_score(TRUTH, cluster(len(rows), comparing(rows), STOP_LLR, ClusterOptions())) == 1.0


def test_block_by_block_finds_the_same_voices() -> None:
    truth = TRUTH * 6
    rows = windows_of(truth)
    found = cluster(len(rows), comparing(rows), STOP_LLR, ClusterOptions(block=50))
    assert adjusted_rand_score(truth, found) == 1.0


@pytest.mark.parametrize("block", [50, 1000])
@pytest.mark.parametrize(("speakers", "found"), [(2, 2), (3, 3), (5, 3)])
def test_a_known_number_is_never_exceeded_and_never_forced(block: int, speakers: int, found: int) -> None:
    rows = windows_of(TRUTH * 2)
    labels = cluster(len(rows), comparing(rows), STOP_LLR, ClusterOptions(block=block), speakers=speakers)
    assert len(set(labels.tolist())) == found


def test_never_more_at_once_than_a_block() -> None:
    rows = windows_of(TRUTH * 10)
    inner, asked = comparing(rows), []

    def compare(some: np.ndarray, others: np.ndarray) -> np.ndarray:
        asked.append((len(some), len(others)))
        return inner(some, others)

    options = ClusterOptions(block=100, examples=5)
    cluster(len(rows), compare, STOP_LLR, options)
    assert max(first * second for first, second in asked) <= options.block**2


def test_one_window_is_one_voice() -> None:
    rows = windows_of([0])
    assert cluster(1, comparing(rows), STOP_LLR, ClusterOptions()).tolist() == [0]


def test_small_clusters_are_left_out_unless_there_is_no_other() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert without_small(labels, 3).tolist() == [0]
    assert without_small(labels, 2).tolist() == [0, 2]
    assert without_small(labels, 9).tolist() == [0]


def test_means_are_the_voices() -> None:
    rows = windows_of(TRUTH)
    found = means(rows, np.array(TRUTH), np.array([0, 2]))
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0, 1.0], abs=1e-6)
    own = rows[np.array(TRUTH) == 2].sum(axis=0)
    assert found[1] == pytest.approx(own / np.linalg.norm(own), abs=1e-6)
