"""The voice activity graph that ships says of every frame what the published one says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from recipes.voice_activity.__main__ import PUBLISHED, build, weights_of
from speakerid import samples
from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import FRAME_SAMPLES, MODEL_FILE, SileroVad, VadState
from speakerid.types import FloatArray

ROUNDING = 1e-5  # float32 sums in another order; the thresholds of speech and of its end lie 0.15 apart
LONGEST = 30 * SAMPLE_RATE_HZ
DOMAINS = {
    "librispeech/train": 8, "field/ocean": 8, "field/sorbian": 4, "field/homes": 4, "field/calls": 12,
    "field/commands_ar": 12, "field/emotion_pl": 6, "fsdd": 12, "ami": 1, "noise": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="module")
def published() -> SileroVad:
    return SileroVad(model=PUBLISHED)


def made() -> dict[str, FloatArray]:
    """Signals without a file: of every level, and of lengths that are no whole frames."""
    random, t = np.random.default_rng(3), np.arange(3 * SAMPLE_RATE_HZ + 77) / SAMPLE_RATE_HZ
    noise = random.standard_normal(len(t))
    buzz = np.sign(np.sin(2 * np.pi * 110 * t)) * (np.sin(2 * np.pi * 3 * t) > 0)
    signals = {
        "noise": noise / 5,
        "faint noise": noise / 5_000,
        "chirp": np.sin(2 * np.pi * (100 + 1_000 * t) * t),
        "buzz that comes and goes": buzz / 2 + noise / 50,
        "clicks": np.arange(len(t)) % 4_000 == 0,
        "a constant": np.full(len(t), 0.3),
        "nothing": np.zeros(len(t)),
        "a part of a frame": noise[:200],
    }
    return {name: np.asarray(signal, np.float32) for name, signal in signals.items()}


MADE = made()


def assert_same(shipped: SileroVad, published: SileroVad, signal: FloatArray) -> None:
    np.testing.assert_allclose(shipped.probabilities(signal), published.probabilities(signal), atol=ROUNDING)
    assert shipped.speech_segments(signal) == published.speech_segments(signal)


def test_what_ships_is_what_the_recipe_makes_of_the_published_file() -> None:
    assert build(weights_of(PUBLISHED.read_bytes())) == MODEL_FILE.read_bytes()


def test_the_published_file_is_the_one_that_the_readme_names() -> None:
    assert hashlib.sha256(PUBLISHED.read_bytes()).hexdigest() in MODEL_FILE.with_name("README.md").read_text()


@pytest.mark.parametrize("name", MADE)
def test_signals_that_are_made(shipped: SileroVad, published: SileroVad, name: str) -> None:
    assert_same(shipped, published, MADE[name])


def test_sample_voices(shipped: SileroVad, published: SileroVad) -> None:
    for voice in samples.voices().values():
        for file in voice.probes:
            heard = high_pass(decode(file.read_bytes()))
            assert shipped.speech_segments(heard)
            assert_same(shipped, published, heard)


def test_states_go_on_from_block_to_block(shipped: SileroVad, published: SileroVad) -> None:
    signal = MADE["buzz that comes and goes"]
    state = ours = VadState()
    for start in range(0, len(signal), 3 * FRAME_SAMPLES):
        block = signal[start : start + 3 * FRAME_SAMPLES]
        expected, state = published.step(block, state)
        found, ours = shipped.step(block, ours)
        np.testing.assert_allclose(found, expected, atol=ROUNDING)
    np.testing.assert_allclose(ours.hidden, state.hidden, atol=ROUNDING)
    np.testing.assert_allclose(ours.cell, state.cell, atol=10 * ROUNDING)  # which has no bound, as what is hidden has


@pytest.mark.parametrize("domain", DOMAINS)
def test_real_speech(shipped: SileroVad, published: SileroVad, speech_root: Path, domain: str) -> None:
    files = sorted(one for one in (speech_root / domain).rglob("*") if one.suffix in (".wav", ".flac", ".opus"))
    for file in files[:: max(1, len(files) // DOMAINS[domain])][: DOMAINS[domain]]:
        assert_same(shipped, published, high_pass(decode(file.read_bytes())[:LONGEST]))
