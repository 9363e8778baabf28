"""The committed files are what README.md promises: decodable, mono, noisy speech of the stated lengths."""

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from recipes.sample_voices.recording import read
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.samples import commands, silence, stranger, voices

SPEECH_RMS_DB = (-27.0, -18.0)
NOISE_FLOOR_DB = -75.0
FRAME = SAMPLE_RATE_HZ // 50
ENROLL = [path for voice in voices().values() for path in voice.enroll]
PROBES = [path for voice in voices().values() for path in voice.probes] + list(stranger())
COMMANDS = list(commands().values())
SPOKEN = [*ENROLL, *PROBES, *COMMANDS]
EVERY_FILE = [*SPOKEN, silence()]


def file_id(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def frame_levels_db(path: Path) -> np.ndarray:
    """RMS level of each 20 ms frame, in dB of full scale, shape (frames,)."""
    samples = read(path)
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1e-12))


def test_seven_voices_of_five_files_and_a_stranger_of_five() -> None:
    assert len(voices()) == 7
    assert {(len(voice.enroll), len(voice.probes)) for voice in voices().values()} == {(3, 2)}
    assert len(stranger()) == 5
    assert list(voices()) == sorted(voices())


@pytest.mark.parametrize("path", EVERY_FILE, ids=file_id)
def test_is_mono_at_16_or_48_khz(path: Path) -> None:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.channels == 1
        assert stream.codec_context.sample_rate in {16_000, 48_000}


@pytest.mark.parametrize("path", ENROLL, ids=file_id)
def test_enrollment_lasts_6_to_8_s(path: Path) -> None:
    assert 6.0 <= read(path).size / SAMPLE_RATE_HZ <= 8.0


@pytest.mark.parametrize("path", PROBES, ids=file_id)
def test_probe_lasts_5_to_6_s(path: Path) -> None:
    assert 4.95 <= read(path).size / SAMPLE_RATE_HZ <= 6.05


def test_commands_are_short_words_by_their_labels() -> None:
    assert list(commands()) == ["computer", "smart_mirror"]
    assert all(0.7 <= read(path).size / SAMPLE_RATE_HZ <= 2.0 for path in COMMANDS)


@pytest.mark.parametrize("path", SPOKEN, ids=file_id)
def test_speech_is_loud_enough_not_clipped_and_never_digitally_silent(path: Path) -> None:
    samples = read(path)
    rms_db = 20 * np.log10(np.sqrt(np.mean(samples**2)))
    assert SPEECH_RMS_DB[0] <= rms_db <= SPEECH_RMS_DB[1]
    assert np.abs(samples).max() < 0.95
    assert frame_levels_db(path).min() > NOISE_FLOOR_DB


@pytest.mark.parametrize("path", SPOKEN, ids=file_id)
def test_speech_stands_well_above_the_noise(path: Path) -> None:
    levels_db = frame_levels_db(path)
    assert np.percentile(levels_db, 90) - np.percentile(levels_db, 2) > 20.0


def test_silence_is_three_seconds_of_even_noise() -> None:
    levels_db = frame_levels_db(silence())
    assert read(silence()).size == 3 * SAMPLE_RATE_HZ
    assert levels_db.min() > -66.0
    assert levels_db.max() < -58.0


def test_everything_is_small() -> None:
    assert sum(path.stat().st_size for path in EVERY_FILE) < 1_500_000


def test_no_two_files_are_alike() -> None:
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in EVERY_FILE}
    assert len(digests) == len(EVERY_FILE) == 43
