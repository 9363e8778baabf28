"""DC and rumble go, speech stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt, sosfilt_zi

from speakerid.audio.conditioning import FLOOR, ONSET, HighPass, high_pass
from speakerid.audio.decode import decode
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.encoders.registry import load_encoder
from speakerid.types import FloatArray

RATE_HZ = 16_000
DOMAINS = {
    "phones": "field/ocean", "own microphones": "field/sorbian", "homes": "field/homes", "telephone": "field/calls",
    "commands": "field/commands_ar", "acted": "field/emotion_pl", "read": "librispeech/dev", "digits": "fsdd",
}  # fmt: skip


def rumble(total: int) -> FloatArray:
    return (0.1 * np.sin(2 * np.pi * 5 * np.arange(total) / RATE_HZ + 1)).astype(np.float32)


def test_the_filter_is_a_butterworth_of_fourth_order(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(30_000).astype(np.float32)
    sections = butter(4, 40.0, "highpass", fs=RATE_HZ, output="sos")
    before = 2.0 * samples[0] - samples[ONSET:0:-1].astype(np.float64)
    _, state = sosfilt(sections, before, zi=sosfilt_zi(sections) * before[0])
    expected, _ = sosfilt(sections, samples.astype(np.float64), zi=state)
    np.testing.assert_allclose(high_pass(samples), expected, atol=1e-6)


@given(st.lists(st.integers(0, 2_000), max_size=8), st.integers(ONSET + 1, 70_000))
def test_pieces_give_what_the_whole_gives(sizes: list[int], first: int) -> None:
    samples = np.random.default_rng(3).standard_normal(first + sum(sizes)).astype(np.float32)
    filtered = HighPass()
    pieces = [filtered(piece) for piece in np.split(samples, np.cumsum([first, *sizes])[:-1])]
    np.testing.assert_allclose(np.concatenate(pieces), high_pass(samples), atol=1e-6)


@pytest.mark.parametrize("total", [0, 1, 2, 127, 128, 129, ONSET, ONSET + 1, 16_000])
@pytest.mark.parametrize("level", [0.0, 0.1, -1.0])
def test_a_constant_is_digital_silence(total: int, level: float) -> None:
    filtered = high_pass(np.full(total, level, np.float32))
    assert filtered.dtype == np.float32
    assert filtered.tolist() == [0.0] * total


def test_silence_after_sound_is_digital_silence_again(readings: list[FloatArray]) -> None:
    filtered = high_pass(np.concatenate((readings[0], np.zeros(RATE_HZ, np.float32))))
    assert not filtered[len(readings[0]) + RATE_HZ // 4 :].any()


def test_a_slow_rumble_has_no_onset() -> None:
    assert np.abs(high_pass(rumble(RATE_HZ))).max() < 1e-3  # without the reflection 1.3e-2
    assert np.abs(high_pass(rumble(RATE_HZ))[RATE_HZ // 2 :]).max() < 4e-5
    assert FLOOR < 1e-7


def test_speech_frequencies_stay_as_they_are() -> None:
    tone = np.sin(2 * np.pi * 150 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    assert np.abs(high_pass(tone)[RATE_HZ // 2 :]).max() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_offset_or_rumble_changes_nothing_about_real_speech(vad: SileroVad, speech_root: Path, domain: str) -> None:
    preparer, encoder = Preparer(vad), load_encoder("ecapa-mini")
    distances, snr_changes_db = [], []
    for path in sorted((speech_root / DOMAINS[domain]).glob("*/*.*"))[::7][:8]:
        samples = decode(path.read_bytes())
        plain, offset, rumbling = (
            preparer.clean(samples + added) for added in (np.float32(0), np.float32(0.1), rumble(len(samples)))
        )
        if len(plain.samples) < encoder.min_samples:
            continue
        expected, found, shaken = encoder.embed([plain.samples, offset.samples, rumbling.samples])
        assert expected @ found > 0.9999
        assert offset.speech.snr_db == pytest.approx(plain.speech.snr_db, abs=0.1)
        distances.append(1 - expected @ shaken)
        snr_changes_db.append(abs((rumbling.speech.snr_db or 0.0) - (plain.speech.snr_db or 0.0)))
    # A frame at the threshold of voice activity may tip over in one of the eight.
    assert np.median(distances) < 0.002
    assert np.sort(distances)[-2] < 0.02
    assert np.sort(snr_changes_db)[-2] < 1.0
