"""The default calibration: fitted on halves of recordings, shipped for the bundled encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.bootstrap import load_fitted
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import load_encoder
from speakerid.errors import CalibrationMissing, FileMissing
from speakerid.evaluation.calibrate import development_trials, fit_default
from speakerid.evaluation.development import noisy, telephone
from speakerid.evaluation.trees import speaker_tree


@pytest.fixture(scope="module")
def data() -> dict[str, list[Path]]:
    return {name: list(voice.enroll[:2]) for name, voice in samples.voices().items()}


def test_a_calibration_is_fitted_on_the_sample_voices(data: dict[str, list[Path]]) -> None:
    fitted = fit_default(development_trials(FakeEncoder(), data), domains=("samples",), fingerprint="f")
    assert fitted.slope > 0
    assert (fitted.domains, fitted.fingerprint) == (("samples",), "f")
    assert fitted.targets < fitted.nontargets


def test_one_speaker_is_too_little(data: dict[str, list[Path]]) -> None:
    name, files = next(iter(data.items()))
    trials = development_trials(FakeEncoder(), {name: files})
    with pytest.raises(CalibrationMissing):
        fit_default(trials, domains=("one",), fingerprint="f")


def test_the_telephone_takes_the_high_frequencies() -> None:
    white = np.random.default_rng(1).standard_normal(48_000).astype(np.float32)
    power = np.abs(np.fft.rfft(telephone(white, 0))) ** 2
    assert power[12_000:].sum() < 1e-4 * power.sum()  # above 4 kHz


def test_noise_lies_10_db_below_the_speech() -> None:
    voice = np.sin(np.arange(48_000) / 10).astype(np.float32)
    noise = noisy(voice, 0) - voice
    assert 10 * np.log10(np.mean(voice**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("name", ["bundled", "fake"])
def test_shipped_encoders_have_a_calibration_of_their_own(name: str) -> None:
    encoder = load_encoder(name)
    calibration = load_fitted(encoder).calibration
    assert calibration.fingerprint == encoder.fingerprint
    assert not calibration.is_generic


def test_a_tree_needs_speakers(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="sub-folder"):
        speaker_tree(tmp_path)
