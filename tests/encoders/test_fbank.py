from __future__ import annotations

import numpy as np
import pytest
import torch

from speakerid.encoders.fbank import LEVEL_RMS, at_level, log_mel
from speakerid.encoders.speechbrain_import import ensure_torchaudio
from tests.encoders.voices import LOW, speak

ensure_torchaudio()

from torchaudio.compliance import kaldi  # noqa: E402  # after the stand-in

TOLERANCE = 2e-3  # natural log of power; torchaudio works in float32 throughout


@pytest.mark.parametrize("window", ["povey", "hamming"])
@pytest.mark.parametrize("scale", [1.0, 32768.0])
@pytest.mark.parametrize("seconds", [0.2, 1.337])
def test_equals_torchaudios_kaldi_features(window: str, scale: float, seconds: float) -> None:
    waveform = speak(LOW, seconds) * np.float32(scale)
    want = kaldi.fbank(
        torch.from_numpy(waveform)[None],
        num_mel_bins=80,
        frame_length=25,
        frame_shift=10,
        dither=0.0,
        window_type=window,
        sample_frequency=16_000,
    )
    got = log_mel(waveform, 16_000, window=window)
    np.testing.assert_allclose(got, (want - want.mean(dim=0)).numpy(), atol=TOLERANCE)


def test_shape_type_and_mean() -> None:
    features = log_mel(speak(LOW, 1.0), 16_000, window="povey")
    assert features.shape == (98, 80)
    assert features.dtype.name == "float32"
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)


def test_a_waveform_comes_to_one_level_whatever_its_own() -> None:
    waveform = speak(LOW, 1.0)
    leveled = at_level(waveform)
    assert leveled.dtype == np.float32
    assert leveled.std() == pytest.approx(LEVEL_RMS, rel=1e-5)
    np.testing.assert_allclose(at_level(waveform * np.float32(1e-3)), leveled, rtol=1e-5)
    np.testing.assert_allclose(at_level(waveform + np.float32(0.5)).std(), LEVEL_RMS, rtol=1e-5)
