from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.rooms import LENGTH_S, decaying_noise, make_room, trim_measured, with_direct_path


def test_a_tail_falls_by_60_db_in_its_reverberation_time() -> None:
    tail = decaying_noise(SAMPLE_RATE_HZ, 0.5, np.random.default_rng(0))
    early, late = (np.mean(tail[start : start + 800] ** 2) for start in (0, SAMPLE_RATE_HZ // 2))
    assert 10 * np.log10(early / late) == pytest.approx(60.0, abs=0.7)  # 800 samples of noise: 0.2 dB deviation each


def test_the_tail_lies_as_far_below_the_direct_path_as_asked_for() -> None:
    response = with_direct_path(np.array([0.0, 3.0, 4.0]), 20.0)
    assert response[0] == 1.0
    assert np.linalg.norm(response[1:]) == pytest.approx(0.1)


def test_made_rooms_have_unit_energy_and_differ() -> None:
    random = np.random.default_rng(0)
    first, second = make_room(random), make_room(random)
    assert len(first) == int(LENGTH_S * SAMPLE_RATE_HZ)
    assert float(np.linalg.norm(first)) == pytest.approx(1.0, abs=1e-5)
    assert not np.array_equal(first, second)


def test_a_measured_response_begins_with_its_direct_path() -> None:
    measured = np.zeros(2 * SAMPLE_RATE_HZ, np.float32)
    measured[500:504] = (0.2, -2.0, 1.0, 0.5)
    trimmed = trim_measured(measured)
    assert trimmed[:3] == pytest.approx(np.array([-2.0, 1.0, 0.5]) / np.sqrt(5.25), abs=1e-6)
