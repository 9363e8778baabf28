"""Audio kept in pieces is read like audio in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerid.audio.byte_source import ChunkedSource
from speakerid.audio.decode import read_announced, stream
from speakerid.audio.limits import RECORDING
from tests.audio.encode import RECIPES, encode
from tests.audio.voice import synthetic_voice

DATA = st.binary(max_size=60)


def in_pieces(data: bytes, size: int) -> ChunkedSource:
    return ChunkedSource(len(data), size, lambda nth: data[nth * size : (nth + 1) * size])


@given(DATA, st.integers(1, 9), st.integers(-70, 70), st.integers(-70, 70))
def test_slices(data: bytes, size: int, start: int, stop: int) -> None:
    stored = in_pieces(data, size)
    assert len(stored) == len(data)
    assert stored[start:stop] == data[start:stop]
    assert stored[start:] == data[start:]
    assert stored[:stop:2] == data[:stop:2]


@given(st.binary(min_size=1, max_size=60), st.integers(1, 9), st.data())
def test_bytes(data: bytes, size: int, drawn: st.DataObject) -> None:
    at = drawn.draw(st.integers(-len(data), len(data) - 1))
    assert in_pieces(data, size)[at] == data[at]
    with pytest.raises(IndexError):
        in_pieces(data, size)[len(data)]


@given(st.lists(st.sampled_from([b"a", b"b", b"ab"]), max_size=30).map(b"".join), st.integers(1, 9), DATA)
def test_finding(data: bytes, size: int, other: bytes) -> None:
    stored = in_pieces(data, size)
    for wanted in (b"a", b"ab", b"aba", b"bbbb", other[:3] or b"x"):
        assert stored.rfind(wanted) == data.rfind(wanted)
        for start in (0, 1, size, len(data) // 2):
            assert stored.find(wanted, start) == data.find(wanted, start)
            assert stored.find(wanted, start, start + 7) == data.find(wanted, start, start + 7)


def test_few_pieces_are_held() -> None:
    loaded: list[int] = []

    def load(nth: int) -> bytes:
        loaded.append(nth)
        return bytes(10)

    stored = ChunkedSource(1000, 10, load)
    assert stored[15:25] == stored[15:25] == bytes(10)
    assert loaded == [1, 2]


@pytest.mark.parametrize("name", RECIPES)
def test_every_format_decodes_to_the_same(name: str) -> None:
    data = encode(name, synthetic_voice(2.0, 48_000), 16_000)
    stored = in_pieces(data, 1000)
    assert read_announced(stored, limits=RECORDING) == read_announced(data, limits=RECORDING)
    found, expected = (np.concatenate(list(stream(one, limits=RECORDING))) for one in (stored, data))
    np.testing.assert_array_equal(found, expected)
