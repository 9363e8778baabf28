"""The buffer of a session keeps its last seconds, and how good their speech is."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.services.live.session import KEPT, RingBuffer


class TestRingBuffer:
    def test_it_keeps_the_last_seconds(self) -> None:
        recent, size = RingBuffer(), KEPT // 3
        for nth in range(10):
            recent.add(np.full(size, nth, np.float32))
        assert recent.total == 10 * size
        assert np.unique(recent.samples((7 * size, 9 * size))).tolist() == [7.0, 8.0]
        assert len(recent.samples((9 * size, 11 * size))) == size

    def test_quality_is_that_of_the_speech(self) -> None:
        random = np.random.default_rng(0)
        recent = RingBuffer()
        recent.add(0.001 * random.standard_normal(32_000).astype(np.float32))
        recent.add(0.1 * random.standard_normal(32_000).astype(np.float32))
        found = recent.quality((32_000, 64_000))
        assert found.snr_db == pytest.approx(40.0, abs=1.0)
        recent.add(np.zeros(1_600, np.float32))
        assert recent.quality() is found  # a moment later it is not measured again
