"""MPEG frames and boxes of MP4, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.containers.mp4 import has_media, is_whole
from speakerid.audio.containers.mpeg import find_mp3, mp3_frame, mp3_seconds
from speakerid.audio.decode import decode
from speakerid.types import FloatArray
from tests.audio.bombs import box
from tests.audio.encode import encode


@pytest.mark.parametrize(("name", "rate_hz"), [("mp3", 44_100), ("mp3", 16_000), ("mp3", 11_025)])
def test_mp3_length_and_first_frame(voice: FloatArray, name: str, rate_hz: int) -> None:
    data = encode(name, voice, rate_hz)
    at = find_mp3(data)
    assert at is not None
    assert at > 0  # after the ID3 tag
    frame = mp3_frame(data, at)
    assert frame is not None
    assert frame.rate_hz == rate_hz
    assert mp3_frame(data, at + frame.bytes) is not None
    assert mp3_seconds(data, at) == pytest.approx(2.0, abs=0.25)  # whole frames, and the encoder's delay
    assert mp3_seconds(data, at + frame.bytes) is None


def test_random_bytes_and_text_hold_no_frames() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        data = rng.bytes(70_000)
        assert find_mp3(data) is None
    assert find_mp3(("\ufeff" + "text " * 5000).encode("utf-16")) is None


@pytest.mark.parametrize("name", ["m4a-aac", "m4a-fragments"])
def test_a_cut_file_is_not_whole(voice: FloatArray, name: str) -> None:
    data = encode(name, voice, 44_100, 2)
    assert is_whole(data)
    assert has_media(data)
    assert not is_whole(data[:-100]) or name == "m4a-fragments"  # there, an index comes last
    assert not is_whole(data[: len(data) // 2])


def test_what_a_program_appends_behind_the_audio_changes_nothing(voice: FloatArray) -> None:
    data = encode("m4a-aac", voice, 16_000)
    tag = b"ID3\x03\0\0\0\0\0\0" + b"appended" * 20
    assert is_whole(data + tag)
    np.testing.assert_array_equal(decode(data + tag), decode(data))


def test_words_in_a_title_are_no_tables(voice: FloatArray) -> None:
    data = encode("m4a-aac", voice, 16_000)
    title = box(b"free", b"\xff" * 8, *(name + b"\xff" * 12 for name in (b"elst", b"stsz", b"trun")))
    np.testing.assert_array_equal(decode(data + title), decode(data))
