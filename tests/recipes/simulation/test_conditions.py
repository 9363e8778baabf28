"""What evaluation does to recordings: other microphones, noise, clipping, a second voice, music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.fault_injection.faults import SECOND_SPEAKER, in_turns
from benchmarks.fault_injection.music import music
from recipes.simulation import conditions
from speakerid.audio.decode import Preparer
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.types import FloatArray
from tests.sampled import ADA, utterance

Condition = Callable[[FloatArray, int], FloatArray]
SPEECH = Preparer(SileroVad()).decode(utterance(ADA))


@pytest.mark.parametrize("change", [conditions.full_scale, conditions.duller, conditions.noisy])
def test_a_condition_keeps_length_and_seed(change: Condition) -> None:
    first, again, other = (change(SPEECH, seed) for seed in (1, 1, 2))
    assert first.shape == SPEECH.shape
    np.testing.assert_array_equal(first, again)
    if change is not conditions.full_scale:
        assert not np.array_equal(first, other)


def test_digital_silence_stays_silent() -> None:
    silence = np.zeros(16_000, np.float32)
    for change in (conditions.full_scale, conditions.duller):
        assert not change(silence, 1).any()
    assert not conditions.overdriven(silence, 0.5).any()


def test_noise_comes_at_the_level_asked_for() -> None:
    noise = np.random.default_rng(1).standard_normal(1_000)
    added = conditions.mixed(SPEECH, noise, 10.0) - SPEECH
    ratio = np.mean(SPEECH.astype(np.float64) ** 2) / np.mean(added.astype(np.float64) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(10.0, abs=0.01)


def test_overdriving_cuts_off_the_share_asked_for() -> None:
    loud = conditions.overdriven(SPEECH, 0.1)
    assert np.mean(np.abs(loud) >= 1.0) == pytest.approx(0.1, abs=0.001)
    assert np.abs(loud).max() == 1.0


def test_two_voices_take_turns_in_the_share_they_have() -> None:
    random = np.random.default_rng(2)
    for _ in range(50):
        first, second = np.zeros(random.integers(20_000, 200_000), np.float32), np.ones(150_000, np.float32)
        talk = in_turns(first, second, random)
        assert SECOND_SPEAKER[0] - 0.01 <= talk.mean() <= SECOND_SPEAKER[1] + 0.01
        assert talk[0] == 0.0


def test_music_is_loud_and_the_same_again() -> None:
    first, again = music(4, 3.0), music(4, 3.0)
    assert len(first) == 3 * SAMPLE_RATE_HZ
    assert np.abs(first).max() == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, music(5, 3.0))


def test_the_telephone_takes_the_high_frequencies() -> None:
    white = np.random.default_rng(1).standard_normal(48_000).astype(np.float32)
    power = np.abs(np.fft.rfft(conditions.telephone(white, 0))) ** 2
    assert power[12_000:].sum() < 1e-4 * power.sum()  # above 4 kHz


def test_noise_lies_10_db_below_the_speech() -> None:
    noise = conditions.noisy(SPEECH, 0) - SPEECH
    assert 10 * np.log10(np.mean(SPEECH**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)
