"""Linear samples are read as FFmpeg reads them, by numpy alone; what only looks linear is left to FFmpeg."""

from __future__ import annotations

import struct
from itertools import product

import numpy as np
import pytest

from speakerid.audio.containers.wav import is_plain_wav, wav_forms
from speakerid.audio.linear_reader import SPDIF_SYNC, LinearReader, linear_reader
from speakerid.audio.reader import AudioReader
from speakerid.errors import InvalidSamples
from speakerid.types import FloatArray

FORMATS = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)]
REGISTERED = bytes.fromhex("000000001000800000aa00389b71")


def wav(tag: int, bits: int, channels: int, samples: bytes, *, extensible: bool = False, announced: int = 0) -> bytes:
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, 16_000, 16_000 * align, align, bits)
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, 0, tag) + REGISTERED
    size = announced or len(samples)
    head = struct.pack("<4sI4s4sI", b"RIFF", 28 + len(fmt) + size, b"WAVE", b"fmt ", len(fmt))
    return head + fmt + struct.pack("<4sI", b"data", size) + samples


def noise(tag: int, bits: int, frames: int, channels: int) -> bytes:
    random = np.random.default_rng(bits)
    if tag == 3:
        return random.normal(0.0, 0.3, frames * channels).astype(f"<f{bits // 8}").tobytes()
    return random.bytes(frames * channels * bits // 8)


def reader_of(file: bytes) -> LinearReader | None:
    return linear_reader(file, wav_forms(file)[0])


def frames_of(reader: LinearReader | AudioReader) -> FloatArray:
    with reader:
        return np.concatenate([block.frames for block in reader])


@pytest.mark.parametrize(("sample", "channels", "extensible"), [*product(FORMATS, (1, 2, 6), (False, True))])
def test_samples_are_those_that_ffmpeg_reads(sample: tuple[int, int], channels: int, extensible: bool) -> None:
    file = wav(*sample, channels, noise(*sample, 70_000, channels), extensible=extensible)
    assert is_plain_wav(file)
    own = reader_of(file)
    assert own is not None
    assert (own.channels, own.rate_hz) == (channels, 16_000)
    np.testing.assert_array_equal(frames_of(own), frames_of(AudioReader(file, "wav", header_says_all=True)))


def test_every_byte_of_the_telephone_means_what_ffmpeg_says() -> None:
    for tag in (6, 7):
        file = wav(tag, 8, 1, bytes(range(256)))
        own = reader_of(file)
        assert own is not None
        np.testing.assert_array_equal(frames_of(own), frames_of(AudioReader(file, "wav", header_says_all=True)))


@pytest.mark.parametrize(
    "file",
    [
        wav(1, 16, 2, bytes(4_000) + SPDIF_SYNC + bytes(4_000)),
        wav(1, 12, 2, bytes(4_000)),
        wav(3, 16, 1, bytes(4_000)),
        wav(2, 4, 1, bytes(4_000)),
        wav(1, 16, 1, bytes(4_000), extensible=True).replace(REGISTERED, REGISTERED[::-1]),
        b"RIFX" + wav(1, 16, 1, bytes(4_000))[4:],
    ],
    ids=["codec in stereo", "12 bits", "half floats", "ADPCM", "another sub-format", "big-endian"],
)
def test_what_only_looks_linear_is_left_to_ffmpeg(file: bytes) -> None:
    assert reader_of(file) is None


def test_a_frame_that_was_cut_is_left_out() -> None:
    whole = wav(1, 16, 2, noise(1, 16, 1_000, 2))
    own, cut = reader_of(whole), reader_of(whole[:-3])
    assert own is not None
    assert cut is not None
    np.testing.assert_array_equal(frames_of(cut), frames_of(own)[:-1])
    assert cut.bad_packets == 0
    nothing = reader_of(wav(1, 16, 2, b"\1\2\3"))
    assert nothing is not None
    assert nothing.bad_packets == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e12])
def test_samples_that_are_no_numbers_are_refused(wrong: float) -> None:
    reader = reader_of(wav(3, 32, 1, np.array([0.0, wrong], "<f4").tobytes()))
    assert reader is not None
    with pytest.raises(InvalidSamples):
        frames_of(reader)
