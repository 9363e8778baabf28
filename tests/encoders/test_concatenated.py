from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.encoders.concatenated import ConcatenatedEncoder, Part
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderInputInvalid, EncoderNotFound
from tests.encoders.voices import HIGH, LOW, speak

SMALL, LARGE = FakeEncoder(dim=8, trained_on=("a", "b")), FakeEncoder(dim=32, trained_on=("b", "c"))
BOTH = ConcatenatedEncoder("both", (Part(SMALL, 0.9), Part(LARGE, 0.44)))
VOICES = [speak(LOW, 2.0, 1), speak(LOW, 1.5, 2), speak(HIGH, 2.0, 3)]


def test_the_cosine_is_the_weighted_mean_of_the_parts_cosines() -> None:
    small, large, both = (encoder.embed(VOICES) for encoder in (SMALL, LARGE, BOTH))
    squares = np.array([0.9, 0.44]) ** 2
    wanted = (squares[0] * small @ small.T + squares[1] * large @ large.T) / squares.sum()
    np.testing.assert_allclose(both @ both.T, wanted, atol=1e-6)


def test_it_has_the_facts_of_its_parts_together() -> None:
    assert (BOTH.name, BOTH.dim, BOTH.sample_rate_hz) == ("both", 40, 16_000)
    assert BOTH.trained_on == ("a", "b", "c")


def test_the_longest_minimum_counts() -> None:
    patient = replace(LARGE, min_samples=8_000)
    encoder = ConcatenatedEncoder("both", (Part(SMALL, 0.9), Part(patient, 0.44)))
    assert encoder.min_samples == 8_000
    with pytest.raises(EncoderInputInvalid, match="At least 8000"):
        encoder.embed([speak(LOW, 0.4)])


def test_other_parts_other_weights_another_order_are_other_fingerprints() -> None:
    made = [
        BOTH,
        ConcatenatedEncoder("both", (Part(SMALL, 0.9), Part(LARGE, 0.45))),
        ConcatenatedEncoder("both", (Part(LARGE, 0.44), Part(SMALL, 0.9))),
        ConcatenatedEncoder("both", (Part(FakeEncoder(dim=9), 0.9), Part(LARGE, 0.44))),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert ConcatenatedEncoder("another name", BOTH.parts).fingerprint == BOTH.fingerprint


def test_parts_of_different_rates_are_refused() -> None:
    telephone = replace(LARGE, sample_rate_hz=8_000)
    with pytest.raises(EncoderNotFound, match=r"\[8000, 16000\] Hz"):
        ConcatenatedEncoder("both", (Part(SMALL, 0.9), Part(telephone, 0.44)))
