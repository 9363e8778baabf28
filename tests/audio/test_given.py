"""What callers of the library give as audio: every open file and buffer is read, and what is none is named."""

from __future__ import annotations

import asyncio
import io
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerid.audio.given import Audio, as_bytes, encoded, picked
from speakerid.errors import EmptyAudio, FileMissing, FileTooLarge, SpeakeridError, UnsupportedAudio

CONTENT = bytes(range(256)) * 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a voice.wav").write_bytes(CONTENT)
    return tmp_path / "a voice.wav"


class Dripping(io.RawIOBase):
    """Not to be sought in, and a few bytes at a time, as a socket is."""

    def __init__(self) -> None:
        self._rest = io.BytesIO(CONTENT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._rest.read(min(len(buffer), 999))
        buffer[: len(piece)] = piece
        return len(piece)


class WithoutAnswer:
    """A socket that does not block, or an upload that has to be awaited."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def read(self, _size: int) -> Any:
        return self._answer


class Named:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


@pytest.fixture
def inputs(path: Path) -> Iterator[list[Audio]]:
    with path.open("rb") as plain, path.open("rb", buffering=0) as raw, path.open("rb") as to_map:
        mapped = mmap.mmap(to_map.fileno(), 0, access=mmap.ACCESS_READ)
        yield [
            str(path), path, Named(path), CONTENT, bytearray(CONTENT), memoryview(CONTENT), mapped, io.BytesIO(CONTENT),
            plain, raw, Dripping(), io.BufferedReader(Dripping()),
        ]  # fmt: skip
        mapped.close()


def test_every_way_to_give_a_file_gives_its_bytes(inputs: list[Audio]) -> None:
    assert [as_bytes(one) for one in inputs] == [CONTENT] * len(inputs)


def test_a_recording_may_be_given_in_every_way_too(inputs: list[Audio]) -> None:
    for one in inputs:
        with encoded(one) as data:
            assert data[:] == CONTENT


def test_an_open_file_is_read_from_where_it_is(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(1000)
        assert as_bytes(file) == CONTENT[1000:]


def test_samples_keep_their_channel() -> None:
    both = np.stack([np.full(400, 0.5, np.float32), np.zeros(400, np.float32)])
    first, channel = picked((both, 16_000), 0)
    assert channel == "mix"
    assert first == picked((both[0], 16_000), "mix")[0]


def at_its_end() -> io.BytesIO:
    file = io.BytesIO(CONTENT)
    file.read()
    return file


def closed() -> io.BytesIO:
    file = io.BytesIO(CONTENT)
    file.close()
    return file


@pytest.mark.parametrize(
    ("audio", "error", "sentence"),
    [
        (["one.wav", "two.wav"], UnsupportedAudio, "Pass them one by one"),
        (at_its_end(), UnsupportedAudio, r"Call its seek\(0\) first"),
        (closed(), UnsupportedAudio, "Open it again"),
        (io.StringIO("voice"), UnsupportedAudio, "Open it in binary mode"),
        (io.BytesIO(), EmptyAudio, "0 bytes"),
        (WithoutAnswer(None), UnsupportedAudio, "gave a NoneType and no bytes"),
        (np.zeros(400), UnsupportedAudio, r"Pass \(samples, rate in Hz\)"),
        ([0.1, 0.2], UnsupportedAudio, r"Pass \(samples, rate in Hz\)"),
        (None, UnsupportedAudio, "Pass a path"),
        (5, UnsupportedAudio, "Pass a path"),
        ({"array": [0.1], "sampling_rate": 16_000}, UnsupportedAudio, "type dict"),
        ("https://example.com/voice.wav", FileMissing, "Download it"),
        ("s3://bucket/voice.wav", FileMissing, "Download it"),
        ("nothing.wav", FileMissing, "does not exist"),
        ("a\0b.wav", FileMissing, "does not exist"),
        ("", FileMissing, "is a folder"),
    ],
)
def test_what_cannot_be_read_is_named(audio: Any, error: type[SpeakeridError], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        as_bytes(audio)


def test_a_file_opened_as_text_or_to_be_written_is_named(path: Path) -> None:
    with path.open(encoding="latin-1") as text, pytest.raises(UnsupportedAudio, match="opened as text"):
        as_bytes(text)  # type: ignore[arg-type]  # what is tested
    with path.open("ab") as written, pytest.raises(UnsupportedAudio, match="cannot be read"):
        as_bytes(written)


def test_an_upload_that_has_to_be_awaited_is_named_and_leaves_no_warning() -> None:
    async def read() -> bytes:
        return await asyncio.sleep(0, CONTENT)

    with pytest.raises(UnsupportedAudio, match="gave a coroutine and no bytes"):
        as_bytes(WithoutAnswer(read()))


def test_a_file_object_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.audio.given.MAX_FILE_BYTES", 10_000)
    with pytest.raises(FileTooLarge):
        as_bytes(WithoutAnswer(b"for ever"))
