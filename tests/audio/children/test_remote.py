"""A child gives what decoding here gives, and nothing it sends can harm its service."""

from __future__ import annotations

import contextlib
import pickle
import signal
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from speakerid.audio.byte_source import ChunkedSource
from speakerid.audio.children import remote
from speakerid.audio.children.pool import Child
from speakerid.audio.children.wire import PIECE_BYTES, ChildWire, MessageKind
from speakerid.audio.file_decoder import DecodedPiece, announced_here, decode_here
from speakerid.audio.limits import RECORDING, Channel, DecodeLimits
from speakerid.errors import AudioError, DecoderCrashed, DecodingTooCostly, InvalidSamples
from speakerid.types import FloatArray
from tests.audio.encode import RECIPES, encode
from tests.audio.voice import synthetic_voice
from tests.cases.write import damaged

VOICE = synthetic_voice(2.0, 48_000)
NOISE = np.random.default_rng(5).normal(0.0, 0.2, 48_000 * 50).astype(np.float32)
LIMITS = DecodeLimits()
DONE = struct.pack(">BI", MessageKind.DONE, 1) + b"\1"


def joined(pieces: Iterable[DecodedPiece]) -> FloatArray:
    return np.concatenate([piece.samples for piece in pieces])


@pytest.mark.parametrize("name", [*RECIPES, "ogg-vorbis"])
@pytest.mark.parametrize("channel", ["mix", 0, 1])
def test_every_container_decodes_to_the_same_bits(name: str, channel: Channel) -> None:
    data = encode(name, VOICE, 16_000, 2)
    here = joined(decode_here(data, LIMITS, channel))
    there = joined(remote.pieces(data, LIMITS, channel, "file"))
    np.testing.assert_array_equal(there, here)
    assert remote.announced(data, LIMITS) == announced_here(data, LIMITS)


def test_a_file_of_many_pieces_decodes_to_the_same_bits() -> None:
    data = encode("flac", NOISE, 48_000)
    assert len(data) > 3 * PIECE_BYTES
    here = joined(decode_here(data, RECORDING, "mix"))
    stored = ChunkedSource(len(data), 1_000, lambda nth: data[nth * 1_000 : (nth + 1) * 1_000])
    for form in (data, stored):
        there = joined(remote.pieces(form, RECORDING, "mix", "stream"))
        np.testing.assert_array_equal(there, here)


@pytest.mark.parametrize("data", [b"text", b"OggS" + bytes(50), encode("mp3", VOICE, 16_000)[:3_000]])
def test_refusals_are_those_of_decoding_here(data: bytes) -> None:
    with pytest.raises(AudioError) as here:
        list(decode_here(data, LIMITS, "mix"))
    with pytest.raises(AudioError) as there:
        list(remote.pieces(data, LIMITS, "mix", "file"))
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


def test_what_goes_wrong_with_reading_the_file_reaches_the_caller() -> None:
    data = encode("flac", NOISE, 48_000)

    def load(nth: int) -> bytes:
        if nth:
            raise ConnectionError("the store is away")
        return data[:PIECE_BYTES]

    with pytest.raises(ConnectionError, match="away"):
        list(remote.pieces(ChunkedSource(len(data), PIECE_BYTES, load), RECORDING, "mix", "stream"))


def frame(kind: int, payload: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BI", kind, len(payload) if length is None else length) + payload


def piece(samples: bytes) -> bytes:
    return frame(MessageKind.PIECE, samples)


LIES = {
    "a kind that is none": frame(99, b""),
    "a job": frame(MessageKind.JOB, b"{}"),
    "a length of gigabytes": frame(MessageKind.PIECE, b"", 0xFFFF_FFFF),
    "half a place": frame(MessageKind.ASK, b"\0\0"),
    "half a sample": piece(bytes(7)),
    "more samples than a piece holds": piece(bytes(PIECE_BYTES + 4)),
    "a loss that is no number": frame(MessageKind.LOST, struct.pack(">d", float("nan"))),
    "a loss before the beginning": frame(MessageKind.LOST, struct.pack(">d", -1.0)),
    "half a loss": frame(MessageKind.LOST, bytes(4)),
    "an unknown error": frame(MessageKind.ERROR, b'{"code": "store_error", "message": "x"}'),
    "a pickle": frame(MessageKind.ERROR, pickle.dumps(ValueError("x"))),
    "brackets": frame(MessageKind.ERROR, b"[" * 60_000),
    "nothing": b"",
}


class LyingPool:
    """Hands out one end of a connection at whose other end `sent` is sent whatever is asked."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    @contextmanager
    def child(self, use: str, waiting: object) -> Iterator[Child]:
        ours, theirs = socket.socketpair()
        speaker = threading.Thread(target=self._speak, args=(theirs,))
        speaker.start()
        try:
            yield Child(0, ChildWire(ours, lambda idle_s: None))
        finally:
            ours.close()
            speaker.join()

    def end(self, child: Child) -> int | None:
        return signal.SIGSEGV  # as `os.waitpid` gives it

    def _speak(self, theirs: socket.socket) -> None:
        with theirs, contextlib.suppress(OSError):
            theirs.sendall(self._sent)
            theirs.shutdown(socket.SHUT_WR)
            while theirs.recv(65_536):
                pass


def pieces_of(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> list[np.ndarray]:
    monkeypatch.setattr(remote, "current", lambda: LyingPool(sent))
    return [piece.samples for piece in remote.pieces(b"data", LIMITS, "mix", "file")]


def test_what_was_lost_comes_through() -> None:
    data = damaged(encode("mp3", VOICE, 16_000), size=2_000)
    here = sum(one.lost_s for one in decode_here(data, LIMITS, "mix"))
    assert here > 0.1
    assert sum(one.lost_s for one in remote.pieces(data, LIMITS, "mix", "file")) == here


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_was_taken_over_is_a_decoder_that_crashed(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    with pytest.raises(DecoderCrashed):
        pieces_of(monkeypatch, LIES[lie])


def test_samples_that_are_none_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSamples):
        pieces_of(monkeypatch, piece(struct.pack("=f", float("nan"))) + DONE)


def test_more_audio_than_allowed_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DecoderCrashed):
        pieces_of(monkeypatch, piece(bytes(PIECE_BYTES)) * 40 + DONE)


def test_asking_for_ever_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DecodingTooCostly):
        pieces_of(monkeypatch, frame(MessageKind.ASK, (1 << 63).to_bytes(8, "big")) * 100)
