"""Where the audio of a file ends, by the file's own word."""

from __future__ import annotations

import struct

import pytest

from speakerid.audio.containers.ends import UNKNOWN, VOC, announced_end, flv_number
from speakerid.audio.decode import decode
from speakerid.errors import TruncatedAudio
from speakerid.types import FloatArray
from tests.cases.others import caf_of_a_stream
from tests.cases.write import chunk, ffmpeg

FLV = struct.pack(">3sBBI", b"FLV", 1, 4, 9) + b"\x02\0\x0aonMetaData\x08\0\0\0\1"
MOVI = b"movi" + bytes(400)


def avi(movi: bytes, index: bytes = b"") -> bytes:
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"hdrl" + bytes(80)) + movi + index)


def test_an_avi_file_ends_with_its_packets_not_its_index() -> None:
    whole = avi(chunk(b"LIST", MOVI))
    assert announced_end(whole) == len(whole)
    assert announced_end(avi(chunk(b"LIST", MOVI), chunk(b"idx1", bytes(900)))) == len(whole)


@pytest.mark.parametrize("size", [0, 4, UNKNOWN, 0xFFFF_FFFF])
def test_a_recorder_that_died_announces_no_end(size: int) -> None:
    assert announced_end(avi(struct.pack("<4sI", b"LIST", size) + MOVI)) == 0


def test_blocks_of_a_voc_file_end_where_the_last_one_says() -> None:
    head = VOC + struct.pack("<HHH", 26, 0x10A, 0x1129)
    block = b"\1" + (100).to_bytes(3, "little") + bytes(100)
    assert announced_end(head + block + block[:50]) == 26 + 2 * 104
    assert announced_end(head + block + b"\0") == 26 + 104


def test_numbers_of_flash_video_are_found_by_their_names() -> None:
    data = FLV + b"\0\x08duration\0" + struct.pack(">d", 2.5) + b"\0\x08filesize\0" + struct.pack(">d", 4_000)
    assert flv_number(data, b"duration") == 2.5
    assert announced_end(data) == 4_000
    assert flv_number(FLV + b"\0\x08duration\0" + struct.pack(">d", float("nan")), b"duration") == 0.0
    assert flv_number(FLV + b"\0\x08duration\0\1", b"duration") == 0.0


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_flash_video_without_a_size_is_cut_by_its_length(voice: FloatArray, share: float) -> None:
    data = ffmpeg("flv", "aac", voice, hz=44_100).replace(b"filesize", b"filename")
    assert len(decode(data)) / 16_000 == pytest.approx(len(voice) / 16_000, abs=0.1)
    with pytest.raises(TruncatedAudio):
        decode(data[: int(len(data) * share)])


def test_a_stream_has_no_end(voice: FloatArray) -> None:
    assert announced_end(caf_of_a_stream(voice)) == 0
