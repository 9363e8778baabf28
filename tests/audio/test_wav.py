"""Arrays take the same way as files."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.limits import DecodeLimits
from speakerid.audio.wav import wav_bytes
from speakerid.errors import InvalidSamples, NoSamples


def test_an_array_comes_back_as_it_was() -> None:
    samples = (0.3 * np.random.default_rng(3).standard_normal(16_000)).astype(np.float32)
    assert np.array_equal(decode(wav_bytes((samples, 16_000)), limits=DecodeLimits()), samples)


def test_bad_arrays_are_refused() -> None:
    with pytest.raises(InvalidSamples):
        wav_bytes((np.array([0.0, np.nan], np.float32), 16_000))
    with pytest.raises(NoSamples):
        wav_bytes((np.zeros(0, np.float32), 16_000))
