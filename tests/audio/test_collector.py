"""Channels become one, also where they cancel each other; a format is checked once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from speakerid.audio.conditioning import Collector, mean, mixed
from speakerid.audio.decode import decode, stream
from speakerid.audio.limits import RECORDING, DecodeLimits
from speakerid.errors import TooManyChannels, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.encode import wav_bytes
from tests.audio.voice import from_samples


def noise(rng: np.random.Generator, total: int = 100_000) -> FloatArray:
    return (0.1 * rng.standard_normal(total)).astype(np.float32)


def test_an_inverted_channel_does_not_silence_the_other(rng: np.random.Generator) -> None:
    left = noise(rng)
    np.testing.assert_array_equal(mixed(np.stack((left, -left), axis=1))[:, 0], left)
    np.testing.assert_array_equal(mixed(np.stack((0.9 * left + 0.2, 0.2 - left), axis=1))[:, 0], 0.2 - left)


def test_other_channels_are_their_mean(rng: np.random.Generator) -> None:
    left, right, nothing = noise(rng), noise(rng), np.zeros(100_000, np.float32)
    for channels in [(left, right), (left, left), (left, nothing), (left, *[nothing] * 31), (nothing, nothing)]:
        frames = np.stack(channels, axis=1)
        np.testing.assert_array_equal(mixed(frames), mean(frames))


@pytest.mark.parametrize("rate_hz", [16_000, 8_000])
def test_short_and_long_audio_fall_back_alike(rng: np.random.Generator, rate_hz: int) -> None:
    left = noise(rng, 300_000)
    both = np.stack((left, -left))
    data = wav_bytes(both.T, rate_hz, channels=2)
    expected = from_samples(left, rate_hz)
    np.testing.assert_allclose(from_samples(both, rate_hz), expected, atol=1e-4)
    np.testing.assert_allclose(decode(data), expected, atol=1e-4)
    np.testing.assert_array_equal(np.concatenate(list(stream(data, limits=RECORDING))), decode(data))


@dataclass(frozen=True)
class CountingLimits(DecodeLimits):
    checked: list[int] = field(default_factory=list)

    def check_channels(self, channels: int) -> None:
        self.checked.append(channels)
        super().check_channels(channels)


def test_a_format_is_checked_once_and_where_it_changes() -> None:
    limits = CountingLimits(max_channels=2)
    collector = Collector(limits, "mix")
    for _ in range(3):
        collector.add(np.zeros((160, 2), np.float32), 16_000)
    collector.add(np.zeros((160, 1), np.float32), 16_000)
    assert limits.checked == [2, 1]
    with pytest.raises(UnsupportedAudio, match="3999 Hz"):
        collector.add(np.zeros((160, 1), np.float32), 3_999)
    with pytest.raises(TooManyChannels):
        collector.add(np.zeros((160, 3), np.float32), 16_000)
