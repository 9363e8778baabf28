"""Limits hold on what a file declares and on what it turns out to hold, without the memory or the time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.limits import DecodeLimits
from speakerid.errors import AudioTooLong, NoSuchChannel, TooManyChannels
from speakerid.types import FloatArray
from tests.audio.encode import encode, silent_flac, wav_bytes
from tests.audio.voice import from_samples

TWO_HOURS = """
import resource, sys, time
from speakerid.audio.decode import decode
from speakerid.errors import AudioTooLong
data = open(sys.argv[1], "rb").read()
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    decode(data)
    print("decoded")
except AudioTooLong:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(len(data), used, time.process_time() - start)
"""


@pytest.mark.parametrize("length", ["declared", "hidden"])
def test_a_two_hour_silent_flac_costs_neither_memory_nor_time(tmp_path: Path, length: str) -> None:
    path = tmp_path / "silence.flac"
    path.write_bytes(silent_flac(7200, declare=length == "declared"))
    done = subprocess.run([sys.executable, "-c", TWO_HOURS, path], capture_output=True, text=True, check=True)
    size, used_kib, cpu_s = (float(field) for field in done.stdout.split())
    assert size < 400_000
    assert used_kib < 100 * 1024  # 461 MB if decoded whole; 38 MB is what 600 s at 16 kHz take
    assert cpu_s < (0.5 if length == "declared" else 5.0)


@pytest.mark.parametrize("name", ["wav-s16", "flac", "mp3", "ogg-opus", "webm-opus", "m4a-aac"])
def test_too_long_is_refused_in_every_format(voice: FloatArray, name: str) -> None:
    data = encode(name, voice, 16_000)
    with pytest.raises(AudioTooLong, match=r"1\.5 seconds"):
        decode(data, limits=DecodeLimits(max_seconds=1.5))
    decode(data, limits=DecodeLimits(max_seconds=2.0))


def test_frames_times_channels_are_limited(voice: FloatArray) -> None:
    data = encode("wav-s16", voice, 48_000, 6)
    with pytest.raises(AudioTooLong, match="500000 samples"):
        decode(data, limits=DecodeLimits(max_samples=500_000))
    decode(data, limits=DecodeLimits(max_samples=600_000))


def test_upsampled_samples_count_too() -> None:
    slow = wav_bytes(np.zeros(800_000, np.int16), 4_000)
    assert len(decode(slow, limits=DecodeLimits(max_samples=3_300_000))) == 3_200_000
    with pytest.raises(AudioTooLong):
        decode(slow, limits=DecodeLimits(max_samples=2_000_000))


@pytest.mark.parametrize("channels", [33, 1024, 30_000])
def test_too_many_channels(channels: int) -> None:
    with pytest.raises(TooManyChannels, match=str(channels)):
        decode(wav_bytes(np.zeros(channels * 10, np.int16), 16_000, channels=channels))


def test_32_channels_are_fine() -> None:
    assert len(decode(wav_bytes(np.zeros(32 * 800, np.int16), 16_000, channels=32))) == 800


def test_a_channel_that_is_not_there() -> None:
    data = wav_bytes(np.zeros(1600, np.int16), 16_000, channels=2)
    for channel in (-1, 2):
        with pytest.raises(NoSuchChannel):
            decode(data, channel=channel)
        with pytest.raises(NoSuchChannel):
            from_samples(np.zeros((2, 800), np.float32), 16_000, channel=channel)
