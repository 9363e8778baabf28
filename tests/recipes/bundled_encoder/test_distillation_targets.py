from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recipes.bundled_encoder.distillation_targets import principal, targets
from tests.training.voices import TINY, tiny_bank


def test_the_cosine_of_targets_is_the_weighted_mean_of_the_teachers(tmp_path: Path) -> None:
    bank = tiny_bank(tmp_path)
    first, second = (targets(bank, weights, 3 * TINY.dim).numpy() for weights in ((1.0, 0.0), (0.0, 1.0)))
    both = targets(bank, (0.6, 0.4), 3 * TINY.dim).numpy()
    assert np.allclose(both @ both.T, 0.6 * first @ first.T + 0.4 * second @ second.T, atol=1e-5)


def test_the_utterances_of_a_voice_have_one_target(tmp_path: Path) -> None:
    bank = tiny_bank(tmp_path)
    bank.voice[:2] = 0  # two speeds of the first person, as if they were one voice
    made = targets(bank, (0.6, 0.4), TINY.dim).numpy()
    assert np.allclose(made[0], made[1])
    assert np.linalg.norm(made, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(made[0], made[2], atol=0.1)


def test_principal_directions_keep_what_matters_and_their_signs() -> None:
    random = np.random.default_rng(0)
    rows = (random.normal(size=(50, 3)) @ random.normal(size=(3, 9))).astype(np.float32)
    short = principal(rows, 3)
    assert short.shape == (50, 3)
    assert np.allclose(short @ short.T, rows @ rows.T, atol=1e-3)
    assert np.allclose(short, principal(rows[::-1], 3)[::-1], atol=1e-3)
