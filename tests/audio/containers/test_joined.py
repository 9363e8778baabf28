"""Joined files are taken apart, and what stands before a file is left out."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.byte_source import ByteSource, ChunkedSource
from speakerid.audio.containers.joined import bare, last_page, recordings
from speakerid.types import FloatArray
from tests.audio.bombs import id3_tag
from tests.audio.encode import encode, wav_bytes
from tests.cases.write import ape, id3

WAV = wav_bytes(np.zeros(100, np.int16), 8_000)
TAG = id3((b"TIT2", b"\0hello"))


def whole(data: ByteSource) -> bytes:
    return data[: len(data)]


@pytest.mark.parametrize("before", [b"", TAG, TAG * 3, ape(), bytes(99), TAG + bytes(99) + TAG, id3_tag(1_000)])
def test_tags_and_zeros_are_left_out(before: bytes) -> None:
    assert whole(bare(before + WAV)) == WAV


def test_a_lone_tag_leaves_nothing() -> None:
    assert not bare(TAG)


@pytest.mark.parametrize("data", [b"ID3", b"ID3\x03\0\0\xff\xff\xff\xff", TAG[:-1], b"APETAGEX", bytes(99), b"\0text"])
def test_what_is_no_whole_tag_stays(data: bytes) -> None:
    assert whole(bare(data)) == data


@pytest.mark.parametrize("name", ["ogg-opus", "ogg-vorbis", "webm-opus", "flac", "m4a-aac", "m4a-fragments"])
def test_each_joined_file_is_a_recording(voice: FloatArray, name: str) -> None:
    parts = [encode(name, voice[: 24_000 * n], 16_000, n) for n in (1, 2, 1)]
    data = b"".join(parts)
    stored = ChunkedSource(len(data), 1_000, lambda nth: data[nth * 1_000 : (nth + 1) * 1_000])
    for form in (data, stored):
        assert [whole(one) for one in recordings(form)] == parts


@pytest.mark.parametrize("name", ["ogg-opus", "webm-opus", "flac", "m4a-aac", "m4a-fragments", "mp3"])
def test_a_file_alone_is_itself(voice: FloatArray, name: str) -> None:
    data = encode(name, voice, 16_000)
    assert [one is data for one in recordings(data)] == [True]


def test_the_end_of_an_ogg_file(voice: FloatArray) -> None:
    data = encode("ogg-opus", voice, 16_000)
    assert last_page(data).is_whole
    assert last_page(data).is_last
    assert last_page(data + b"abc").behind == 3
    assert not last_page(data[:-1]).is_whole
    assert not last_page(b"no page").is_whole
