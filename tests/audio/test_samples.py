"""Arrays, tensors and lists as people hold them: understood, or refused with what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speakerid.audio.decode import as_wav
from speakerid.audio.limits import Channel
from speakerid.audio.samples import understood
from speakerid.errors import NoSamples, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.voice import from_samples

RATE_HZ = 16_000
LEFT = np.linspace(-0.5, 0.5, 400, dtype=np.float32)
BOTH = np.stack([LEFT, -LEFT / 2])


class OnAnotherDevice:
    """As a tensor of torch on a GPU."""

    def __array__(self, *_: object, **__: object) -> FloatArray:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")


@pytest.mark.parametrize(
    "samples",
    [
        LEFT.tolist(), tuple(LEFT.tolist()), LEFT.astype(">f4"), LEFT.astype("<f8"), LEFT.astype(">f8"),
        np.repeat(LEFT, 3)[::3], LEFT[:, None], LEFT[None], np.asfortranarray(LEFT[:, None]), np.ma.array(LEFT),
        LEFT.data,
    ],
)  # fmt: skip
def test_the_same_samples_are_the_same_whatever_holds_them(samples: Any) -> None:
    np.testing.assert_array_equal(from_samples(samples, RATE_HZ), from_samples(LEFT, RATE_HZ))


@pytest.mark.parametrize("kind", [">i2", ">i4", "i1", "i2", "<i4"])
def test_integers_of_either_byte_order_have_their_own_full_scale(kind: str) -> None:
    full = np.iinfo(kind).max
    found = from_samples(np.full(400, full // 2 + 1, kind), RATE_HZ)
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


def test_the_longer_axis_is_time() -> None:
    """soundfile and sounddevice give (n, channels), torchaudio and librosa (channels, n)."""
    wanted: list[tuple[Channel, FloatArray]] = [(0, BOTH[0]), (1, BOTH[1]), ("mix", BOTH.mean(axis=0))]
    for channel, expected in wanted:
        for samples in (BOTH, BOTH.T, np.ascontiguousarray(BOTH.T)):
            found = from_samples(samples, RATE_HZ, channel=channel)
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_tensors_of_torch_are_arrays_too() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(BOTH)
    np.testing.assert_array_equal(from_samples(tensor, torch.tensor(RATE_HZ)), from_samples(BOTH, RATE_HZ))
    with pytest.raises(UnsupportedAudio, match="requires grad"):
        from_samples(tensor.requires_grad_(), RATE_HZ)


@pytest.mark.parametrize(
    "rate_hz", [16_000.0, np.int64(16_000), np.float32(16_000), np.array(16_000), np.uint16(16_000)]
)
def test_the_rate_is_any_whole_number(rate_hz: Any) -> None:
    assert understood((LEFT, rate_hz))[1] == RATE_HZ
    assert understood((rate_hz, LEFT))[1] == RATE_HZ  # as scipy.io.wavfile.read gives it


@pytest.mark.parametrize("rate_hz", [0, -16_000, float("nan"), float("inf"), 16_000.5, True, None, "16000", [16_000]])
def test_what_is_no_rate_is_named(rate_hz: Any) -> None:
    with pytest.raises(UnsupportedAudio, match="The rate is a whole number of Hz above 0, not "):
        from_samples(LEFT, rate_hz)


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (LEFT.astype(np.int64), "type int64 have no known full scale"),
        (LEFT.astype(np.uint16), "type uint16 have no known full scale"),
        (LEFT > 0, "type bool have no known full scale"),
        (LEFT + 0j, "type complex64 have no known full scale"),
        ([1, 2, 3], "type int64 have no known full scale"),
        ([[0.1, 0.2], [0.3]], "cannot be read as an array"),
        (OnAnotherDevice(), r"Use Tensor.cpu\(\) first"),
        (np.zeros((4, 4)), "may lie either way"),
        (np.zeros((1, 1, 400)), "have the shape"),
        (np.float32(0.5), "have the shape"),
        ("voice.wav", "Pass it alone"),
        (None, "have the shape"),
    ],
)
def test_what_are_no_samples_is_named(samples: Any, sentence: str) -> None:
    with pytest.raises(UnsupportedAudio, match=sentence):
        from_samples(samples, RATE_HZ)


@pytest.mark.parametrize("samples", [[], np.zeros(0), np.zeros((2, 0))])
def test_nothing_at_all_is_named(samples: Any) -> None:
    with pytest.raises(NoSamples):
        from_samples(samples, RATE_HZ)


@pytest.mark.parametrize("pair", [(LEFT,), (LEFT, RATE_HZ, 1), (), LEFT])
def test_samples_and_rate_are_two_things(pair: Any) -> None:
    with pytest.raises(UnsupportedAudio, match="two things in a tuple"):
        as_wav(pair)
