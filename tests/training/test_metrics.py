from __future__ import annotations

import numpy as np
import pytest

from speakerid.training.metrics import eer, eer_of


@pytest.mark.parametrize(
    ("target", "nontarget", "expected"),
    [([0.9, 0.8], [0.1, 0.2], 0.0), ([0.1, 0.2], [0.9, 0.8], 100.0), ([0.5], [0.5], 50.0),
     ([0.9, 0.8, 0.7, 0.3], [0.1, 0.2, 0.25, 0.6], 25.0)],
)  # fmt: skip
def test_known_rates(target: list[float], nontarget: list[float], expected: float) -> None:
    assert eer(np.array(target), np.array(nontarget)) == pytest.approx(expected)


def test_two_normal_distributions_have_the_rate_of_theory() -> None:
    random = np.random.default_rng(0)
    measured = eer(random.normal(2.0, 1.0, 200_000), random.normal(0.0, 1.0, 200_000))
    assert measured == pytest.approx(15.87, abs=0.2)  # the normal tail beyond one deviation; 0.2 is 2.5 sigma


def test_pairs_of_one_recording_do_not_count() -> None:
    vectors = np.eye(4, dtype=np.float32)
    result = eer_of(vectors, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]), resamples=5)
    assert (result.targets, result.nontargets) == (1, 4)


def test_the_interval_holds_the_value() -> None:
    random = np.random.default_rng(1)
    speakers = np.repeat(np.arange(30), 4)
    vectors = random.normal(size=(30, 16))[speakers] + 1.2 * random.normal(size=(120, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    result = eer_of(vectors.astype(np.float32), speakers, np.tile(np.arange(4), 30))
    assert result.low <= result.value <= result.high
    assert result.low < result.high
