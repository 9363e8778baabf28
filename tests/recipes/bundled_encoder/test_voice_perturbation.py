from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from recipes.bundled_encoder.voice_perturbation import ReshapePlan, move_formants, perturbed
from speakerid.training.speech import Source
from tests.training.made_up import speak

SOURCE = Source(Path("a.wav"), "people", "p1")


def test_reshaped_copies_are_the_same_every_time_and_have_no_label() -> None:
    word, plan = speak(120, 1.0), ReshapePlan(copies=2, seconds=0.5)
    first, again = list(perturbed(SOURCE, word, plan)), list(perturbed(SOURCE, word, plan))
    assert [copy.label for copy in first] == ["p1", None, None]
    assert [copy.corpus for copy in first] == ["people", "people-reshaped", "people-reshaped"]
    assert np.array_equal(first[0].samples, word)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1].samples[:1000], first[2].samples[:1000])


def test_moving_formants_by_nothing_changes_nothing() -> None:
    word = speak(120, 0.7)
    assert np.abs(move_formants(word, 1.0) - word).max() < 1e-5


@pytest.mark.parametrize("factor", [0.86, 1.16])
def test_formants_move_and_the_pitch_stays(factor: float) -> None:
    """A pulse train at 100 Hz through one resonance at 1 kHz."""
    pulses = np.zeros(32_000)
    pulses[::160] = 1.0
    pole = 0.97 * np.exp(2j * np.pi * 1000 / 16_000)
    word = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], pulses).astype(np.float32)
    moved = move_formants(word, factor)
    power = np.abs(np.fft.rfft(moved[8000:24_000])) ** 2
    hz = np.arange(len(power))  # one second: bins are Hz
    harmonics = power[::100]
    assert harmonics.sum() > 0.99 * power.sum()
    near = (hz > 500) & (hz < 1600)
    center_hz = (hz * power)[near].sum() / power[near].sum()
    assert center_hz == pytest.approx(1000 * factor, rel=0.06)  # harmonics are 100 Hz apart
