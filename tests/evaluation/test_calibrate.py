"""The default calibration: fitted on halves of recordings, shipped for the bundled encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import calibration_file, load_encoder
from speakerid.errors import CalibrationMissing, FileMissing
from speakerid.evaluation.calibrate import Sides, fit_default, trials, worse_microphone
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.calibration import Calibration


def test_fits_on_the_sample_voices() -> None:
    data = {name: list(voice.enroll[:2]) for name, voice in samples.voices().items()}
    calibration = fit_default(FakeEncoder(), data, fitted_on="sample voices")
    assert calibration.slope > 0
    assert calibration.targets == 14 * 3 * 2  # files x conditions x directions
    assert calibration.nontargets == 14 * 12 * 3 * 2
    llr = calibration.llr(np.array([calibration.score_for_fmr(0.5), 1.0]))
    assert llr[0] < 0 < llr[1]


def test_one_speaker_is_too_little() -> None:
    one = dict(list(samples.voices().items())[:1])
    with pytest.raises(CalibrationMissing):
        fit_default(FakeEncoder(), {name: list(voice.enroll) for name, voice in one.items()}, fitted_on="one")


def test_trials_pair_halves_and_leave_out_the_speakers_other_recordings() -> None:
    rows = np.eye(3, dtype=np.float32)
    same, different = trials(Sides(("a", "a", "b"), rows), Sides(("a", "a", "b"), rows))
    assert same.tolist() == [1, 1, 1]
    assert different.tolist() == [0, 0, 0, 0]


def test_a_worse_microphone_is_duller_and_noisier() -> None:
    white = np.random.default_rng(1).standard_normal(48_000).astype(np.float32)
    worse = worse_microphone(white, seed=2)
    spectrum = np.abs(np.fft.rfft(worse)) ** 2
    low, high = spectrum[: len(spectrum) // 4].mean(), spectrum[-len(spectrum) // 4 :].mean()
    assert low / high > 4  # the filter falls by 9.5 dB to the top; the noise of -15 dB fills some of it in


def test_the_bundled_encoder_has_a_calibration_of_its_own() -> None:
    calibration = Calibration.from_json(calibration_file("bundled").read_text())
    assert calibration.fingerprint == load_encoder("bundled").fingerprint
    assert calibration.slope > 0


def test_a_tree_needs_speakers(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="sub-folder"):
        speaker_tree(tmp_path)
