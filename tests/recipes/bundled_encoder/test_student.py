from __future__ import annotations

import numpy as np
import torch

from recipes.bundled_encoder.student import Student, hyperparams_yaml
from tests.training.made_up import TINY, speak


def test_the_level_of_a_recording_does_not_matter() -> None:
    wave = torch.from_numpy(speak(120, 1.0))[None]
    student = Student(TINY)
    assert torch.allclose(student.features(wave), student.features(0.01 * wave), atol=1e-3)


def test_the_long_term_spectrum_of_a_voice_stays_in_the_features() -> None:
    """A mean per band would remove it: two steady voices would differ in nothing."""
    low, high = speak(120, 1.0), np.diff(speak(120, 1.0), prepend=0.0).astype(np.float32)
    bands = Student(TINY).features(torch.from_numpy(np.stack([low, high]))).mean(dim=1)
    assert float((bands[0] - bands[1]).abs().mean()) > 0.3  # in deviations of the utterance


def test_digital_silence_does_not_swamp_the_features() -> None:
    """Zeros are at most `top_db` under the peak, the same as any pause that quiet."""
    wave = speak(120, 1.0)
    wave[4000:12_000] = 0.0
    features = Student(TINY).features(torch.from_numpy(wave)[None])
    assert bool(torch.isfinite(features).all())
    assert float(features.abs().max()) < 4.0  # deviations; -80 dB and below would be further out


def test_the_name_is_in_the_description() -> None:
    assert "ECAPA_TDNN" in hyperparams_yaml(TINY)
    assert "lin_neurons: !ref <embedding_size>" in hyperparams_yaml(TINY)
