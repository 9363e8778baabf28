"""Only a WAV file without anything unusual is read in the service's own process."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.containers.wav import is_plain_wav
from tests.audio.bombs import BOMBS, wav_chunks, wav_comments, wav_trailing_chunks
from tests.audio.encode import RECIPES, encode, wav_bytes
from tests.audio.voice import synthetic_voice

VOICE = synthetic_voice(0.5, 48_000)
WAV = wav_bytes((VOICE * 32_000).astype(np.int16), 48_000)


@pytest.mark.parametrize("name", RECIPES)
def test_ordinary_wav_files_are_plain_and_nothing_else_is(name: str) -> None:
    assert is_plain_wav(encode(name, VOICE, 16_000)) == name.startswith("wav")


def test_chunks_that_recorders_write_are_plain() -> None:
    note = b"LIST\x04\0\0\0INFO"
    assert is_plain_wav(WAV[:36] + note * 3 + WAV[36:])
    assert is_plain_wav(WAV + note * 3)


@pytest.mark.parametrize("announced", [0, 0xFFFF_FFFF])
def test_a_wav_of_unknown_length_is_plain(announced: int) -> None:
    assert is_plain_wav(WAV[:40] + announced.to_bytes(4, "little") + WAV[44:])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        WAV[:20],
        WAV[:20] + b"\x02\0" + WAV[22:],  # ADPCM
        WAV[:36] + b"id3 \x04\0\0\0abcd" + WAV[36:],
        WAV + b"id3 \x04\0\0\0abcd",
        WAV[:36] + b"junk\0\0\0\0" * 100 + WAV[36:],
        WAV + b"junk\0\0\0\0" * 100,
        WAV + bytes(20_000),
        WAV[:36] + b"junk\x00\x00\x10\0" + bytes(1 << 20) + WAV[36:],
        b"RF64" + WAV[4:],
    ],
)
def test_the_unusual_is_not_plain(data: bytes) -> None:
    assert not is_plain_wav(data)


@pytest.mark.parametrize("make", [wav_chunks, wav_comments, wav_trailing_chunks])
def test_a_bomb_is_not_plain(make: object) -> None:
    assert make in BOMBS.values()
    assert not is_plain_wav(make(100_000))  # type: ignore[operator]
