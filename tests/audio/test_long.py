"""Long recordings in pieces give what whole ones give."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerid.audio.byte_source import KEPT_BYTES, Cursor, mapped_file
from speakerid.audio.conditioning import rechunked
from speakerid.audio.decode import decode, read_announced, stream
from speakerid.audio.limits import RECORDING, DecodeLimits
from speakerid.errors import AudioTooLong, EmptyAudio, FileMissing, FileTooLarge, TruncatedAudio, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.encode import RECIPES, encode
from tests.sampled import ADA, utterance


def _cut(whole: FloatArray, sizes: list[int]) -> list[FloatArray]:
    return np.split(whole, np.cumsum(sizes)[:-1])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 30))
def test_cut_anew(sizes: list[int], size: int) -> None:
    whole = np.arange(sum(sizes), dtype=np.float32)
    found = list(rechunked(_cut(whole, sizes), size))
    assert np.concatenate([np.zeros(0, np.float32), *found]).tolist() == whole.tolist()
    assert all(len(one) == size for one in found[:-1])
    assert all(0 < len(one) <= size for one in found)


def test_streamed_is_decoded() -> None:
    data = utterance(ADA)
    assert np.concatenate(list(stream(data, limits=RECORDING))).tolist() == decode(data).tolist()


@pytest.mark.parametrize("name", [*RECIPES, "ogg-vorbis"])
def test_a_mapped_file_is_read_like_its_bytes(name: str, tmp_path: Path) -> None:
    data = encode(name, np.tile(decode(utterance(ADA)), 2), 16_000, voice_hz=16_000)
    (tmp_path / "voice").write_bytes(data)
    with mapped_file(tmp_path / "voice") as mapped:
        assert not isinstance(mapped, bytes)
        assert read_announced(mapped, limits=RECORDING) == read_announced(data, limits=RECORDING)
        for _ in range(2):  # as often as needed
            assert np.concatenate(list(stream(mapped, limits=RECORDING))).tolist() == decode(data).tolist()


def test_a_mapped_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    data = encode("flac", decode(utterance(ADA)), 16_000, voice_hz=16_000)
    (tmp_path / "voice").write_bytes(data[: len(data) // 2])
    with mapped_file(tmp_path / "voice") as mapped, pytest.raises(TruncatedAudio):
        list(stream(mapped, limits=RECORDING))


def test_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(b"<html>" * 100)
    with mapped_file(tmp_path / "page") as mapped, pytest.raises(UnsupportedAudio, match="HTML"):
        read_announced(mapped, limits=RECORDING)


def test_what_was_read_of_a_long_file_is_read_again(tmp_path: Path) -> None:
    """Pages behind the cursor are given back to the system; going back must read them anew."""
    content = np.arange(6 * KEPT_BYTES // 4, dtype=np.uint32).tobytes()
    (tmp_path / "long").write_bytes(content)
    with mapped_file(tmp_path / "long") as mapped:
        assert not isinstance(mapped, bytes)
        cursor = Cursor(mapped)
        for _ in range(2):
            assert b"".join(iter(lambda: cursor.read(1_000_000), b"")) == content
            assert cursor.tell() == len(content)
            assert cursor.seek(-4, io.SEEK_END) == len(content) - 4
            assert cursor.read(9) == content[-4:]
            assert cursor.seek(0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")
def test_linear_samples_of_a_long_file_do_not_stay_in_memory(tmp_path: Path) -> None:
    size = 64 * 1024**2
    pcm = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + pcm
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(header + b"data" + struct.pack("<I", size))
        file.truncate(len(header) + 8 + size)
    with mapped_file(tmp_path / "long.wav") as mapped:
        pieces = stream(mapped, limits=RECORDING)
        samples = len(next(pieces))
        before = _of_files()
        for piece in pieces:
            samples += len(piece)
        after = _of_files()
    assert samples == size // 2
    assert after - before < 4 * KEPT_BYTES


def _of_files() -> int:
    """Bytes of mapped files in this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssFile")).split()[1]) * 1024


def test_a_file_that_cannot_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(FileMissing), mapped_file(tmp_path):
        pass
    (tmp_path / "empty.wav").write_bytes(b"")
    with mapped_file(tmp_path / "empty.wav") as data, pytest.raises(EmptyAudio):
        read_announced(data, limits=RECORDING)
    (tmp_path / "large.wav").write_bytes(b"x" * 11)
    with pytest.raises(FileTooLarge), mapped_file(tmp_path / "large.wav", max_bytes=10):
        pass


def test_what_is_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(AudioTooLong):
        next(stream(utterance(ADA), limits=DecodeLimits(max_seconds=1.0)))
