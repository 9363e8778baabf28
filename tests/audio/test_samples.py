"""Arrays take the same path as files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speakerid.audio.decode import decode, from_samples
from speakerid.audio.limits import DecodeLimits
from speakerid.errors import AudioTooLong, InvalidSamples, NoSamples, TooManyChannels, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.encode import wav_bytes

SCALES: dict[Any, float] = {np.int16: 32_767, np.int32: 2**31 - 1, np.int8: 127, np.float64: 1.0, np.float32: 1.0}


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 192_000])
def test_samples_and_their_file_are_the_same(voice: FloatArray, rate_hz: int) -> None:
    np.testing.assert_array_equal(from_samples(voice, rate_hz), decode(wav_bytes(voice, rate_hz)))


@pytest.mark.parametrize("kind", SCALES)
def test_every_type_has_the_same_scale(voice: FloatArray, kind: Any) -> None:
    samples = (voice * SCALES[kind]).astype(kind)
    found = from_samples(samples, 16_000)
    np.testing.assert_allclose(found, voice, atol=0.02)  # 8 bits: half a step is 0.004, the scale 127 / 128
    unsigned = (voice * 127 + 128).astype(np.uint8)
    np.testing.assert_allclose(from_samples(unsigned, 16_000), voice, atol=0.02)


def test_channels_come_first() -> None:
    both = np.stack([np.full(400, 0.5, np.float32), np.full(400, -0.25, np.float32)])
    np.testing.assert_allclose(from_samples(both, 16_000), 0.125)
    np.testing.assert_allclose(from_samples(both, 16_000, channel=1), -0.25)


def test_the_caller_keeps_its_array(voice: FloatArray) -> None:
    before = voice.copy()
    from_samples(voice, 48_000)
    np.testing.assert_array_equal(voice, before)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_samples_must_be_numbers(value: float) -> None:
    samples = np.zeros(100_000)
    samples[90_000] = value
    with pytest.raises(InvalidSamples):
        from_samples(samples, 16_000)


def test_refusals() -> None:
    silence = np.zeros(16_000, np.float32)
    with pytest.raises(NoSamples):
        from_samples(silence[:0], 16_000)
    with pytest.raises(TooManyChannels):
        from_samples(np.zeros((1024, 10), np.float32), 16_000)
    with pytest.raises(AudioTooLong):
        from_samples(silence, 16_000, limits=DecodeLimits(max_seconds=0.5))
    with pytest.raises(UnsupportedAudio, match="int64"):
        from_samples(np.zeros(10, np.int64), 16_000)
    with pytest.raises(UnsupportedAudio, match="shape"):
        from_samples(np.zeros((2, 2, 10), np.float32), 16_000)
    with pytest.raises(UnsupportedAudio, match="sample rate"):
        from_samples(silence, 100)
