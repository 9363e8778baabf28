from __future__ import annotations

import numpy as np

from speakerid.encoders.fake import FakeEncoder
from tests.encoders.voices import HIGH, LOW, speak


def test_a_voice_lands_near_itself_and_far_from_another() -> None:
    rows = FakeEncoder().embed([speak(voice, 2.0, seed) for voice in (LOW, HIGH) for seed in range(3)])
    cosines = rows @ rows.T
    assert cosines[:3, :3].min() > 0.9
    assert cosines[:3, 3:].max() < 0.5


def test_loudness_does_not_matter() -> None:
    sound = speak(LOW, 1.0)
    loud, quiet = FakeEncoder().embed([sound, sound * np.float32(0.1)])
    assert loud @ quiet > 0.95


def test_fingerprint_follows_the_dim_and_nothing_else() -> None:
    assert FakeEncoder().fingerprint == FakeEncoder(name="other").fingerprint
    assert FakeEncoder().fingerprint != FakeEncoder(dim=16).fingerprint


def test_two_instances_agree_bit_by_bit() -> None:
    np.testing.assert_array_equal(FakeEncoder().embed([speak(LOW, 1.0)]), FakeEncoder().embed([speak(LOW, 1.0)]))
