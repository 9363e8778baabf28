"""Bytes, samples and channels come out as the same clean speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import (
    HOP_SAMPLES,
    LONGEST,
    MOST,
    PIECES,
    WINDOW_SAMPLES,
    Preparer,
    excerpt,
    speech_windows,
)
from speakerid.audio.files import read_file
from speakerid.audio.limits import DecodeLimits
from speakerid.audio.vad import SileroVad
from speakerid.errors import AudioTooLong, EmptyAudio, FileMissing, FileTooLarge
from speakerid.types import FloatArray, Span
from tests.audio.encode import encode, wav_bytes


class HalfVad:
    """Finds speech in the second half."""

    def speech_segments(self, samples: FloatArray) -> tuple[Span, ...]:
        return ((len(samples) // 2, len(samples) * 3 // 4), (len(samples) * 3 // 4 + 100, len(samples)))


def test_speech_parts_are_joined_at_their_level(rng: np.random.Generator) -> None:
    samples = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    clean = Preparer(HalfVad()).prepare((samples, 16_000))
    filtered = high_pass(samples)
    np.testing.assert_array_equal(clean.samples, np.concatenate((filtered[8000:12_000], filtered[12_100:])))
    assert clean.segments == ((8000, 12_000), (12_100, 16_000))
    assert clean.speech.seconds == pytest.approx(7900 / 16_000)


def test_a_file_and_its_samples_are_the_same(vad: SileroVad, readings: list[FloatArray]) -> None:
    preparer = Preparer(vad)
    from_file = preparer.prepare(wav_bytes(readings[0], 16_000))
    from_array = preparer.prepare((readings[0], 16_000))
    np.testing.assert_array_equal(from_file.samples, from_array.samples)
    assert from_file.speech == from_array.speech


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-opus", "webm-opus", "m4a-aac", "wav-mulaw"])
def test_every_format_gives_as_much_speech(vad: SileroVad, readings: list[FloatArray], name: str) -> None:
    preparer, samples = Preparer(vad), readings[1][: 16_000 * 6]
    expected = preparer.prepare((samples, 16_000)).speech.seconds
    found = preparer.prepare(encode(name, samples, 16_000, 2, voice_hz=16_000)).speech.seconds
    assert found == pytest.approx(expected, rel=0.1, abs=0.1)  # AAC pads the end by up to 0.13 s


def test_silence_is_no_error(vad: SileroVad) -> None:
    clean = Preparer(vad).prepare(wav_bytes(np.zeros(16_000, np.int16), 16_000))
    assert clean.samples.shape == (0,)
    assert clean.samples.dtype == np.float32
    assert clean.speech.seconds == 0.0
    assert clean.segments == ()


def test_a_channel_is_decoded_alone(vad: SileroVad, readings: list[FloatArray]) -> None:
    both = np.stack([np.zeros_like(readings[0]), readings[0]])
    preparer = Preparer(vad)
    assert preparer.prepare((both, 16_000), channel=0).speech.seconds == 0.0
    assert preparer.prepare((both, 16_000), channel=1).speech.seconds > 5.0


def test_clipping_is_measured_before_the_offset_goes(vad: SileroVad, readings: list[FloatArray]) -> None:
    loud = readings[0] * (0.9 / np.abs(readings[0]).max())
    clipped = np.clip(loud + 0.6, -1, 1)
    expected = np.mean(np.abs(clipped) >= 0.985)
    assert expected > 0.0005
    assert Preparer(vad).clean(clipped).speech.clipping_ratio == pytest.approx(expected)
    assert Preparer(vad).clean(loud).speech.clipping_ratio == 0.0


def test_limits_reach_the_decoder() -> None:
    preparer = Preparer(HalfVad(), DecodeLimits(max_seconds=0.5))
    with pytest.raises(AudioTooLong):
        preparer.prepare(wav_bytes(np.zeros(16_000, np.int16), 16_000))
    with pytest.raises(AudioTooLong):
        preparer.prepare((np.zeros(16_000, np.float32), 16_000))
    with pytest.raises(EmptyAudio):
        preparer.prepare(b"")


def test_files_are_read_within_their_bound(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(b"12345")
    assert read_file(path) == b"12345"
    assert read_file(str(path), max_bytes=5) == b"12345"
    with pytest.raises(FileTooLarge, match="4 bytes"):
        read_file(path, max_bytes=4)
    with pytest.raises(FileMissing, match="does not exist"):
        read_file(tmp_path / "missing.wav")
    with pytest.raises(FileMissing, match="folder"):
        read_file(tmp_path)


def ramp(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(samples, dtype=np.float32)


@pytest.mark.parametrize("samples", [0, 1, WINDOW_SAMPLES - 1])
def test_too_little_speech_has_no_window(samples: int) -> None:
    assert speech_windows(ramp(samples)) == []


@pytest.mark.parametrize(
    ("samples", "count"),
    [(WINDOW_SAMPLES, 1), (WINDOW_SAMPLES + HOP_SAMPLES, 2), (4 * WINDOW_SAMPLES, 7), (600 * 16_000, MOST)],
)
def test_windows_reach_from_the_first_sample_to_the_last(samples: int, count: int) -> None:
    windows = speech_windows(ramp(samples))
    assert len(windows) == count
    assert {len(window) for window in windows} == {WINDOW_SAMPLES}
    assert (windows[0][0], windows[-1][-1]) == (0, samples - 1)
    starts = [window[0] for window in windows]
    assert np.ptp(np.diff(starts)) <= 1 if count > 1 else True


def test_silent_windows_are_left_out() -> None:
    speech = ramp(4 * WINDOW_SAMPLES)
    speech[: 2 * WINDOW_SAMPLES] = 0.5
    assert len(speech_windows(speech)) == 7 - 3


@pytest.mark.parametrize("samples", [0, 1, LONGEST])
def test_what_is_short_enough_stays_whole(samples: int) -> None:
    speech = np.arange(samples, dtype=np.float32)
    assert excerpt(speech) is speech


@given(st.integers(1, 20 * LONGEST))
def test_the_rest_is_spread_evenly_and_nothing_comes_twice(more: int) -> None:
    speech = np.arange(LONGEST + more, dtype=np.float64)
    found = excerpt(speech)  # type: ignore[arg-type]  # float32 could not count that far
    assert len(found) == LONGEST
    assert (found[0], found[-1]) == (0, len(speech) - 1)
    gaps = np.diff(found)
    assert gaps.min() == 1
    assert np.sum(gaps > 1) <= PIECES - 1
    assert np.ptp(np.sort(gaps)[1 - PIECES :]) <= 1
