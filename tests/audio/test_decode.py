"""Every format at every rate and channel count gives the same voice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import soxr

from speakerid.audio.decode import as_wav, decode
from speakerid.audio.limits import SAMPLE_RATE_HZ, DecodeLimits
from speakerid.errors import AudioTooLong, InvalidSamples, NoSamples, TooManyChannels, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.encode import RECIPES, encode, soundfile_bytes, wav_bytes
from tests.audio.voice import RATE_HZ, correlation, from_samples

CASES = [
    (name, rate_hz, channels)
    for name, recipe in RECIPES.items()
    for rate_hz in recipe.rates_hz
    for channels in recipe.channels
    if channels <= 2 or rate_hz == 16_000
] + [("ogg-vorbis", rate_hz, channels) for rate_hz in (8_000, 16_000, 44_100) for channels in (1, 2)]
LOSSLESS = ("wav-s16", "wav-s24", "wav-s32", "wav-f32", "wav-f64", "flac")
SCALES: dict[Any, float] = {np.int16: 32_767, np.int32: 2**31 - 1, np.int8: 127, np.float64: 1.0, np.float32: 1.0}


@pytest.fixture(scope="module")
def expected(voice: FloatArray) -> FloatArray:
    return np.asarray(soxr.resample(voice, RATE_HZ, SAMPLE_RATE_HZ), np.float32)


@pytest.mark.parametrize(("name", "rate_hz", "channels"), CASES)
def test_every_format_gives_the_same_voice(
    voice: FloatArray, expected: FloatArray, name: str, rate_hz: int, channels: int
) -> None:
    found = decode(encode(name, voice, rate_hz, channels))
    assert found.dtype == np.float32
    # Resampling alone keeps 0.9999; lossy codecs at their default bit rates differ more than that, yet little.
    assert correlation(found, expected) > (0.999 if name in LOSSLESS else 0.95)
    assert abs(len(found) - len(expected)) < 0.2 * SAMPLE_RATE_HZ  # AAC pads by up to 2,112 samples at its own rate


def test_the_level_is_kept(voice: FloatArray, expected: FloatArray) -> None:
    for name in ("wav-u8", "wav-s24", "wav-f32", "wav-alaw", "flac", "mp3", "ogg-opus", "m4a-aac"):
        found = decode(encode(name, voice, 16_000))
        # 5 %: MP3 and Opus move single peaks by a few percent, a wrong full scale would be a factor of 2 or more
        assert np.sqrt(np.mean(found**2) * len(found)) == pytest.approx(np.linalg.norm(expected), rel=0.05), name


def test_mix_is_the_mean_and_a_channel_can_be_picked(rng: np.random.Generator) -> None:
    frames = rng.integers(-8000, 8000, (16_000, 3), dtype=np.int16)
    data = wav_bytes(frames, 16_000, channels=3)
    scaled = frames.astype(np.float32) / 32_768
    np.testing.assert_allclose(decode(data), scaled.mean(axis=1), atol=1e-6)
    for channel in range(3):
        np.testing.assert_array_equal(decode(data, channel=channel), scaled[:, channel])


@pytest.mark.parametrize("channels", [8, 9, 32])
def test_eight_and_more_planar_channels(voice: FloatArray, channels: int) -> None:
    """PyAV's own conversion reads foreign memory here; see `reader._raw`."""
    levels = np.linspace(0.1, 1.0, channels)
    data = soundfile_bytes(voice[::3, None] * levels, 16_000, "OGG", "VORBIS")
    found = np.stack([decode(data, channel=channel) for channel in range(channels)])
    powers = np.sqrt(np.mean(found**2, axis=1) / np.mean(voice[::3] ** 2))
    np.testing.assert_allclose(np.sort(powers), levels, rtol=0.1)  # Vorbis orders 8 channels its own way


def test_pieces_join_without_a_seam(rng: np.random.Generator) -> None:
    long = (0.1 * rng.standard_normal(44_100 * 5)).astype(np.float32)
    whole = np.asarray(soxr.resample(long, 44_100, 16_000), np.float32)
    np.testing.assert_allclose(decode(wav_bytes(long, 44_100)), whole, atol=2e-6)


def test_an_id3_tag_with_a_picture_is_skipped(voice: FloatArray, expected: FloatArray) -> None:
    tag = b"ID3\x03\0\0" + bytes((0, 0, 0x4E, 0x10)) + b"\x89PNG" * 2500
    assert correlation(decode(tag + encode("mp3", voice, 16_000)), expected) > 0.95
    assert correlation(decode(tag + encode("flac", voice, 16_000)), expected) > 0.999


@pytest.mark.parametrize("announced", [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_streamed_wav_without_a_length_is_fine(voice: FloatArray, announced: int) -> None:
    data = wav_bytes(voice, RATE_HZ, data_bytes=announced)
    assert len(decode(data)) == 2 * SAMPLE_RATE_HZ


def test_a_streamed_webm_without_a_length_is_fine(voice: FloatArray) -> None:
    data = encode("webm-opus", voice, 48_000)
    at = data.index(b"\x44\x89\x88")  # the Duration element becomes a Void of the same size
    data = data[:at] + b"\xec\x89" + data[at + 2 :]
    assert len(decode(data)) == pytest.approx(2 * SAMPLE_RATE_HZ, abs=800)


def test_many_threads_decode_the_same(voice: FloatArray) -> None:
    files = [encode(name, voice, 16_000, 2) for name in ("wav-s16", "flac", "mp3", "ogg-opus", "m4a-aac", "webm-opus")]
    alone = [decode(data) for data in files]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(decode, files * 20))
    for nth, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[nth % len(files)])


def test_integer_scaled_floats_are_accepted(voice: FloatArray) -> None:
    data = soundfile_bytes((voice * 32_768)[:, None], RATE_HZ, "WAV", "FLOAT")
    assert np.abs(decode(data)).max() > 10_000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 192_000])
def test_samples_and_their_file_are_the_same(voice: FloatArray, rate_hz: int) -> None:
    np.testing.assert_array_equal(from_samples(voice, rate_hz), decode(wav_bytes(voice, rate_hz)))


@pytest.mark.parametrize("kind", SCALES)
def test_every_type_has_the_same_scale(voice: FloatArray, kind: Any) -> None:
    samples = (voice * SCALES[kind]).astype(kind)
    found = from_samples(samples, 16_000)
    np.testing.assert_allclose(found, voice, atol=0.02)  # 8 bits: half a step is 0.004, the scale 127 / 128
    unsigned = (voice * 127 + 128).astype(np.uint8)
    np.testing.assert_allclose(from_samples(unsigned, 16_000), voice, atol=0.02)


def test_channels_come_first() -> None:
    both = np.stack([np.full(400, 0.5, np.float32), np.full(400, -0.25, np.float32)])
    np.testing.assert_allclose(from_samples(both, 16_000), 0.125)
    np.testing.assert_allclose(from_samples(both, 16_000, channel=1), -0.25)


def test_the_caller_keeps_its_array(voice: FloatArray) -> None:
    before = voice.copy()
    from_samples(voice, 48_000)
    np.testing.assert_array_equal(voice, before)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_samples_must_be_numbers(value: float) -> None:
    samples = np.zeros(100_000)
    samples[90_000] = value
    with pytest.raises(InvalidSamples):
        from_samples(samples, 16_000)


def test_refusals() -> None:
    silence = np.zeros(16_000, np.float32)
    with pytest.raises(NoSamples):
        from_samples(silence[:0], 16_000)
    with pytest.raises(TooManyChannels):
        from_samples(np.zeros((33, 100), np.float32), 16_000)
    with pytest.raises(AudioTooLong):
        from_samples(silence, 16_000, limits=DecodeLimits(max_seconds=0.5))
    with pytest.raises(UnsupportedAudio, match="int64"):
        from_samples(np.zeros(10, np.int64), 16_000)
    with pytest.raises(UnsupportedAudio, match="shape"):
        from_samples(np.zeros((2, 2, 10), np.float32), 16_000)
    with pytest.raises(UnsupportedAudio, match="sample rate"):
        from_samples(silence, 100)


def test_an_array_comes_back_as_it_was() -> None:
    samples = (0.3 * np.random.default_rng(3).standard_normal(16_000)).astype(np.float32)
    assert np.array_equal(decode(as_wav((samples, 16_000)), limits=DecodeLimits()), samples)


def test_bad_arrays_are_refused() -> None:
    with pytest.raises(InvalidSamples):
        as_wav((np.array([0.0, np.nan], np.float32), 16_000))
    with pytest.raises(NoSamples):
        as_wav((np.zeros(0, np.float32), 16_000))
