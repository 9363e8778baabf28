"""Whether an M4A file is whole, by its outermost boxes alone."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.containers.mp4 import has_media, is_whole
from speakerid.audio.decode import decode
from speakerid.types import FloatArray
from tests.audio.bombs import box
from tests.audio.encode import encode


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
