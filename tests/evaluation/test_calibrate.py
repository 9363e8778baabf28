"""The default calibration: fitted on halves of recordings, shipped for the bundled encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid import samples
from speakerid.bootstrap import load_scorer
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import load_encoder
from speakerid.errors import CalibrationMissing, FileMissing
from speakerid.evaluation.benefit import Pooled, cross_validated, table
from speakerid.evaluation.calibrate import development_trials, fit_default
from speakerid.evaluation.development import noisy, telephone
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.cohort import Cohort
from speakerid.settings import Settings


@pytest.fixture(scope="module")
def data() -> dict[str, list[Path]]:
    return {name: list(voice.enroll[:2]) for name, voice in samples.voices().items()}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    rows = np.random.default_rng(0).standard_normal((50, FakeEncoder().dim)).astype(np.float32)
    return Cohort.of(rows / np.linalg.norm(rows, axis=1, keepdims=True), fingerprint="f", made_of="noise", top=10)


def test_fits_four_ways_on_the_sample_voices(data: dict[str, list[Path]], cohort: Cohort) -> None:
    pooled = development_trials(FakeEncoder(), data, cohort)
    fitted = fit_default(pooled, fitted_on="sample voices", fingerprint="f", cohort=cohort)
    assert [(one.score, bool(one.quality)) for one in fitted] == [
        ("cosine", False),
        ("cosine", True),
        ("asnorm", False),
        ("asnorm", True),
    ]
    assert all(one.slope > 0 for one in fitted)
    assert {one.cohort for one in fitted[:2]} == {None}
    assert {one.cohort for one in fitted[2:]} == {cohort.digest}
    assert "asnorm + quality" in table(pooled)


def test_one_speaker_is_too_little(data: dict[str, list[Path]]) -> None:
    name, files = next(iter(data.items()))
    pooled = development_trials(FakeEncoder(), {name: files}, None)
    with pytest.raises(CalibrationMissing):
        fit_default(pooled, fitted_on="one", fingerprint="f", cohort=None)
    with pytest.raises(CalibrationMissing, match="One speaker alone"):
        table(pooled)


def test_the_telephone_takes_the_high_frequencies() -> None:
    white = np.random.default_rng(1).standard_normal(48_000).astype(np.float32)
    power = np.abs(np.fft.rfft(telephone(white, 0))) ** 2
    assert power[12_000:].sum() < 1e-4 * power.sum()  # above 4 kHz


def test_noise_lies_10_db_below_the_speech() -> None:
    voice = np.sin(np.arange(48_000) / 10).astype(np.float32)
    noise = noisy(voice, 0) - voice
    assert 10 * np.log10(np.mean(voice**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)


def test_no_speaker_of_a_tested_probe_was_fitted_on() -> None:
    """One voice scores far below all with everybody. A fit that saw it would judge its other scores differently."""
    random, speakers = np.random.default_rng(0), [f"s{i}" for i in range(10)]
    scores = random.normal(0, 0.5, (10, 10)) + 2.0 * np.eye(10)
    pooled = Pooled.joined([_made(speakers, scores)] * 3)
    strange = scores.copy()
    strange[0, 1:], strange[1:, 0] = -50.0, -50.0
    spoiled = Pooled.joined([_made(speakers, strange)] * 3)
    fair = (pooled.probe == "s0") & (pooled.enrolled == "s0")  # its own fold: judged by the others alone
    usual, with_it = (cross_validated(one, "cosine", quality=False)[fair] for one in (pooled, spoiled))
    assert usual == pytest.approx(with_it)


def _made(speakers: list[str], scores: NDArray[np.float64]) -> Pooled:
    return Pooled.of("x", speakers, speakers, scores={"cosine": scores}, measures=np.zeros((10, 3)))


def test_the_bundled_encoder_has_a_calibration_of_its_own() -> None:
    encoder, settings = load_encoder("bundled"), Settings()
    scorer = load_scorer(encoder, settings)
    assert scorer is not None
    assert scorer.cohort is not None
    assert scorer.calibration.fingerprint == encoder.fingerprint == scorer.cohort.fingerprint
    assert (scorer.calibration.score, bool(scorer.calibration.quality)) == ("asnorm", True)


def test_a_tree_needs_speakers(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="sub-folder"):
        speaker_tree(tmp_path)
