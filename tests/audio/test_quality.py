"""The numbers follow what was done to the recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from speakerid.audio.decode import decode
from speakerid.audio.quality import (
    MAX_SNR_DB,
    band_powers,
    bandwidth_hz,
    clipping_ratio,
    frame_centers,
    measure,
    snr_db,
)
from speakerid.audio.vad import SileroVad
from speakerid.types import FloatArray, Span

RATE_HZ = 16_000


def noisy(clean: FloatArray, noise: FloatArray, segments: tuple[Span, ...], added_db: float) -> FloatArray:
    """`noise` added at `added_db` below the speech, measured over the speech alone."""
    speech = np.concatenate([clean[start:end] for start, end in segments])
    part = np.resize(noise, len(clean))
    gain = np.sqrt(np.mean(speech**2) / np.mean(part**2) / 10 ** (added_db / 10))
    return np.asarray(clean + gain * part, np.float32)


def together_db(own_db: float, added_db: float) -> float:
    """The SNR of a recording that already has noise of its own."""
    return float(-10 * np.log10(10 ** (-own_db / 10) + 10 ** (-added_db / 10)))


def snr_errors_db(vad: SileroVad, readings: list[FloatArray], noise: FloatArray, added_db: float) -> list[float]:
    errors = []
    for clean in readings:
        segments = vad.speech_segments(clean)
        own_db = snr_db(clean, segments)
        mixed = noisy(clean, noise, segments, added_db)
        found_db = snr_db(mixed, vad.speech_segments(mixed))
        assert own_db is not None
        assert found_db is not None
        errors.append(found_db - together_db(own_db, added_db))
    return errors


@pytest.mark.parametrize("added_db", [0, 10, 20, 30])
def test_snr_follows_steady_noise(
    vad: SileroVad, readings: list[FloatArray], rng: np.random.Generator, added_db: int
) -> None:
    noise = rng.standard_normal(RATE_HZ * 20).astype(np.float32)
    # Measured on these eight: within 0.2 dB. The rest is room for another split of speech and pause.
    assert max(map(abs, snr_errors_db(vad, readings, noise, added_db))) < 1.0


@pytest.mark.parametrize("added_db", [0, 10, 20, 30])
def test_snr_follows_kitchen_noise(
    vad: SileroVad, readings: list[FloatArray], speech_root: Path, added_db: int
) -> None:
    noise = decode((speech_root / "noise" / "kitchen.flac").read_bytes())
    errors = snr_errors_db(vad, readings, noise, added_db)
    assert abs(np.median(errors)) < 4.0  # bursts of dishes count little in the median of the pauses
    assert max(map(abs, errors)) < 6.0  # measured: 4.3 at 0 dB, 2.5 at 10 dB and above


def test_snr_without_pause_or_speech_is_none(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(RATE_HZ).astype(np.float32)
    assert snr_db(samples, ()) is None
    assert snr_db(samples, ((0, RATE_HZ),)) is None
    assert snr_db(samples, ((1600, RATE_HZ - 1600),)) is not None


def test_snr_has_a_ceiling_and_a_floor(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(RATE_HZ).astype(np.float32)
    assert -31 < (snr_db(samples, ((0, 8000),)) or 0) < -10  # the same noise everywhere
    samples[8000:] = 0
    assert snr_db(samples, ((0, 8000),)) == MAX_SNR_DB


@pytest.mark.parametrize("gain", [1.5, 3.0, 10.0])
def test_clipping_follows_the_gain(readings: list[FloatArray], gain: float) -> None:
    loud = readings[0] / np.abs(readings[0]).max() * gain
    clipped = np.clip(loud, -1, 1).astype(np.float32)
    share = float(np.mean(np.abs(loud) >= 1))
    assert clipping_ratio(clipped) == pytest.approx(share, rel=0.2)  # it counts from 0.985
    resampled = np.asarray(soxr.resample(soxr.resample(clipped, 16_000, 48_000), 48_000, 16_000), np.float32)
    assert clipping_ratio(resampled) == pytest.approx(share, rel=0.25)


def test_clean_audio_is_not_clipped(readings: list[FloatArray]) -> None:
    for samples in readings:
        assert clipping_ratio(samples / np.abs(samples).max()) < 5e-4
    assert clipping_ratio(readings[0] * 32_768) < 5e-4  # integer scale: full scale is not known
    assert clipping_ratio(np.zeros(0, np.float32)) == 0.0


def telephone(samples: FloatArray) -> FloatArray:
    return np.asarray(soxr.resample(soxr.resample(samples, 16_000, 8_000), 8_000, 16_000), np.float32)


def test_wideband_and_telephone(vad: SileroVad, readings: list[FloatArray]) -> None:
    for samples in readings:
        narrow = telephone(samples)
        assert bandwidth_hz(samples, vad.speech_segments(samples)) >= 7_500
        assert 3_500 <= bandwidth_hz(narrow, vad.speech_segments(narrow)) <= 4_250


def test_noise_above_the_telephone_band_is_not_speech(
    vad: SileroVad, readings: list[FloatArray], rng: np.random.Generator
) -> None:
    noise = rng.standard_normal(RATE_HZ * 20).astype(np.float32)
    for samples in readings:
        narrow = telephone(samples)
        mixed = noisy(narrow, noise, vad.speech_segments(narrow), 20)
        assert 3_000 <= bandwidth_hz(mixed, vad.speech_segments(mixed)) <= 4_250


def test_recorded_telephone_band(vad: SileroVad, speech_root: Path) -> None:
    found = []
    for path in sorted(speech_root.glob("fsdd/*/*.wav"))[::25]:
        samples = decode(path.read_bytes())
        found.append(bandwidth_hz(samples, vad.speech_segments(samples)))
    assert max(found) <= 4_000
    assert np.median(found) >= 3_750  # a digit like "one" has nothing above 3 kHz


def test_no_speech_has_no_bandwidth(rng: np.random.Generator) -> None:
    speech = measure(rng.standard_normal(RATE_HZ).astype(np.float32), (), 0.0)
    assert (speech.seconds, speech.bandwidth_hz, speech.snr_db) == (0.0, 0, None)
    assert measure(np.zeros(0, np.float32), (), 0.0).snr_db is None
    assert bandwidth_hz(np.ones(100, np.float32), ((0, 100),)) == 0


@pytest.mark.parametrize("total", [512, 767, 768, 16_000, 300_000])
def test_one_center_per_frame(rng: np.random.Generator, total: int) -> None:
    powers = band_powers(rng.standard_normal(total).astype(np.float32), np.ones(len(frame_centers(total)), np.bool_))
    assert powers.shape == (len(frame_centers(total)), 32)
    assert frame_centers(total)[-1] < total


def test_a_tone_lands_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 3_100 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    assert set(band_powers(tone, np.ones(len(frame_centers(len(tone))), np.bool_)).argmax(axis=1)) == {3_100 // 250}


def test_digital_silence_around_a_recording_does_not_hide_its_noise(rng: np.random.Generator) -> None:
    second = RATE_HZ
    noise = (0.01 * rng.standard_normal(3 * second)).astype(np.float32)
    speech = np.zeros(3 * second, np.float32)
    speech[second : 2 * second] = 0.1 * rng.standard_normal(second).astype(np.float32)
    alone = snr_db(noise + speech, ((second, 2 * second),))
    zeros = np.zeros(4 * second, np.float32)
    padded = snr_db(np.concatenate([zeros, noise + speech, zeros]), ((5 * second, 6 * second),))
    assert padded == pytest.approx(alone, abs=0.1)
