"""Tables that announce more than they hold are refused before FFmpeg builds an index from them."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from speakerid.audio.mp4 import check_tables, has_media, is_whole
from speakerid.errors import MalformedAudio
from speakerid.types import FloatArray
from tests.audio.encode import encode

PEAK_KIB = """
import resource, sys
from speakerid.audio.decode import decode
from speakerid.errors import MalformedAudio
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(data)
except MalformedAudio:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def bomb(voice: FloatArray, samples: int) -> bytes:
    """An M4A file whose one chunk announces `samples` samples of one byte each, in as many bytes as before."""
    data = bytearray(encode("m4a-aac", voice, 16_000))
    stsz, stsc = data.index(b"stsz"), data.index(b"stsc")
    data[stsz + 8 : stsz + 16] = struct.pack(">II", 1, samples)
    data[stsc + 8 : stsc + 24] = struct.pack(">IIII", 1, 1, samples, 1)
    return bytes(data)


def test_a_table_of_thirty_million_samples_takes_no_memory(voice: FloatArray, tmp_path: Path) -> None:
    path = tmp_path / "bomb.m4a"
    path.write_bytes(bomb(voice, 30_000_000))
    done = subprocess.run([sys.executable, "-c", PEAK_KIB, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20 * 1024  # FFmpeg alone takes 1.2 GB and 14 s for it


@pytest.mark.parametrize("name", ["m4a-aac", "m4a-fragments"])
def test_ordinary_tables_pass(voice: FloatArray, name: str) -> None:
    data = encode(name, voice, 44_100, 2)
    check_tables(data, max_seconds=2.0)
    assert is_whole(data)
    assert has_media(data)
    assert not is_whole(data[:-100])


def test_fragments_are_counted_too(voice: FloatArray) -> None:
    data = bytearray(encode("m4a-fragments", voice, 16_000))
    at = data.rindex(b"trun")
    data[at + 8 : at + 12] = (50_000_000).to_bytes(4, "big")
    with pytest.raises(MalformedAudio, match="trun"):
        check_tables(bytes(data), max_seconds=600.0)


def test_names_inside_the_compressed_audio_are_not_tables() -> None:
    media = b"stsz" + b"\xff" * 20
    data = struct.pack(">I4s", 8 + len(media), b"mdat") + media
    check_tables(data, max_seconds=600.0)
    with pytest.raises(MalformedAudio):
        check_tables(data.replace(b"mdat", b"moov"), max_seconds=600.0)
