from __future__ import annotations

import numpy as np
import pytest

from speakerid.evaluation.backend import Backend
from speakerid.evaluation.identification import IdentificationTask, LabeledUtterances, linear_head, open_set, search
from speakerid.types import FloatArray

SPEAKERS = 12
COSINE = Backend("cosine")


def spoken(each: int, seed: int, noise: float, speakers: int = SPEAKERS) -> LabeledUtterances:
    """Embeddings around one center for each speaker."""
    centers = np.random.default_rng(0).standard_normal((speakers, 8))
    rows = np.repeat(centers, each, axis=0) + noise * np.random.default_rng(seed).standard_normal((speakers * each, 8))
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    owners = tuple(f"s{n:02d}" for n in range(speakers) for _ in range(each))
    return LabeledUtterances(unit, owners, tuple(f"u{k}" for k in range(len(unit))))


def task(noise: float, speakers: int = SPEAKERS) -> IdentificationTask:
    return IdentificationTask(*(spoken(each, seed, noise, speakers) for each, seed in ((6, 1), (2, 2), (20, 3))))


def test_separate_speakers_are_found_by_both_protocols() -> None:
    easy = task(noise=0.1)
    assert search(easy, COSINE, 20)[0].accuracy.top_1 == 100.0
    head, taken = linear_head(easy, 20)
    assert tuple(taken) == easy.test.speakers
    assert (head.accuracy.top_1, head.converged) == (100.0, True)
    low, high = head.accuracy.intervals["top_1"]
    assert 50.0 < low < high == 100.0  # no error among so few speakers does not show that there is none


def test_hard_speakers_give_figures_between_and_intervals_around_them() -> None:
    hard = task(noise=1.0)
    for found in (search(hard, COSINE, 50)[0].accuracy, linear_head(hard, 50)[0].accuracy):
        low, high = found.intervals["top_1"]
        assert 100 / SPEAKERS < low <= found.top_1 <= high < 100
        assert found.top_1 < found.top_5
        assert found.confusions


def test_two_speakers_have_a_head_too() -> None:
    assert linear_head(task(noise=0.1, speakers=2), 0)[0].accuracy.top_1 == 100.0


def test_open_set_against_counting_by_hand() -> None:
    hard = task(noise=1.0)
    figures, found = open_set(hard, COSINE)
    assert (figures.enrolled, figures.known_probes, figures.stranger_probes) == (6, 120, 120)
    assert figures.fnir_at[0].fnir is None  # one error in a thousand cannot be seen with 120 strangers
    at = figures.fnir_at[2]
    names = hard.speakers[::2]
    owners = np.array(hard.train.speakers)
    prints = np.stack([hard.train.embeddings[owners == name].mean(axis=0) for name in names])
    prints /= np.linalg.norm(prints, axis=1, keepdims=True)
    scores = hard.test.embeddings @ prints.T
    known = np.isin(hard.test.speakers, names)
    right = np.array(names)[scores.argmax(axis=1)] == np.array(hard.test.speakers)
    assert at.threshold is not None
    named = scores.max(axis=1) >= at.threshold - 1e-6
    assert at.fnir == pytest.approx(1 - (right & named)[known].mean())
    assert named[~known].mean() <= 0.1
    assert figures.rank_1 == pytest.approx(100 * right[known].mean())
    assert found.curve.fpr[0] == 1.0
    assert (found.probes, found.spoken) == (hard.test.names, hard.test.speakers)
