from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from speakerid.encoders.base import BATCH_S, WINDOW_S, RawEmbed, embed_with, split_equally
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderFailed, EncoderInputInvalid
from speakerid.types import FloatArray

ENCODER = FakeEncoder(dim=3)
RATE_HZ = ENCODER.sample_rate_hz


def noise(seconds: float, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ)).astype(np.float32)


@dataclass
class Recorder:
    """A raw model that notes the shapes it was called with and answers the first three samples."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, batch: FloatArray) -> FloatArray:
        self.shapes.append(batch.shape)
        return batch[:, :3]


@given(st.integers(1, 100_000), st.integers(10, 5_000))
def test_split_equally(samples: int, longest: int) -> None:
    waveform = np.arange(samples, dtype=np.float32)
    pieces = split_equally(waveform, longest)
    assert len({len(piece) for piece in pieces}) == 1
    assert len(pieces[0]) <= longest
    joined = np.concatenate(pieces)
    assert np.array_equal(joined, waveform[: len(joined)])
    assert 0 <= samples - len(joined) < len(pieces) == -(-samples // longest)


def test_only_equal_lengths_share_a_call() -> None:
    raw = Recorder()
    embed_with(ENCODER, raw, [noise(1.0), noise(2.0), noise(1.0, 1), noise(1.5, 2)])
    assert sorted(raw.shapes) == [(1, 24_000), (1, 32_000), (2, 16_000)]


def test_long_audio_is_windowed_and_no_call_holds_more_than_a_minute() -> None:
    raw = Recorder()
    embed_with(ENCODER, raw, [noise(100.0), noise(250.0)])
    assert max(samples for _, samples in raw.shapes) <= WINDOW_S * RATE_HZ
    assert max(batch * samples for batch, samples in raw.shapes) <= BATCH_S * RATE_HZ
    assert sum(batch for batch, _ in raw.shapes) == 4 + 9


def test_windows_weigh_the_same_whatever_their_norm() -> None:
    long = noise(60.0)
    long[:3], long[30 * RATE_HZ : 30 * RATE_HZ + 3] = [100, 0, 0], [0, 1, 0]
    np.testing.assert_allclose(embed_with(ENCODER, Recorder(), [long])[0], [0.5**0.5, 0.5**0.5, 0], atol=1e-6)


def test_steps_between_constants_are_refused() -> None:
    steps = np.repeat(np.array([0.1, 0.2], np.float32), 30 * RATE_HZ)
    with pytest.raises(EncoderInputInvalid, match="Waveform 1 is constant for 30 s at a time"):
        embed_with(ENCODER, Recorder(), [noise(1.0), steps])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda batch: batch[:, :2], "shape"),
        (lambda batch: batch[:0, :3], "shape"),
        (lambda batch: np.full((len(batch), 3), np.nan, np.float32), "zero or not a number"),
        (lambda batch: np.zeros((len(batch), 3), np.float32), "zero or not a number"),
        (lambda batch: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_unusable_answers_of_the_model_are_failures(answer: Callable[[FloatArray], FloatArray], reason: str) -> None:
    raw: RawEmbed = answer
    with pytest.raises(EncoderFailed, match=reason):
        embed_with(ENCODER, raw, [noise(1.0)])


def test_windows_that_cancel_out_are_a_failure() -> None:
    long = noise(60.0)
    long[:3], long[30 * RATE_HZ : 30 * RATE_HZ + 3] = [1, 0, 0], [-1, 0, 0]
    with pytest.raises(EncoderFailed, match="zero"):
        embed_with(ENCODER, Recorder(), [long])
