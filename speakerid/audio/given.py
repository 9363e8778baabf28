"""What callers of the library give as audio: a path, the bytes of a file, an open file, or samples with their rate."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from tempfile import TemporaryFile
from typing import Any, Protocol

from speakerid.audio.byte_source import ByteSource, mapped_file, mapped_object
from speakerid.audio.decode import as_wav
from speakerid.audio.files import MAX_FILE_BYTES, RECORDING_BYTES, read_file
from speakerid.audio.limits import RECORDING, Channel
from speakerid.audio.samples import PAIR, Samples
from speakerid.errors import EmptyAudio, FileTooLarge, UnsupportedAudio


class Readable(Protocol):
    """A file opened in binary mode, or whatever reads like one."""

    def read(self, size: int, /) -> bytes | None: ...


Audio = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable | Samples
POSSIBLE = "Pass a path, the bytes of a file, a file opened in binary mode, or (samples, rate in Hz)."
PIECE_BYTES = 1024 * 1024


def picked(audio: Audio, channel: Channel) -> tuple[bytes, Channel]:
    """The bytes of a file and which of its channels is meant. Raises FileMissing, AudioError."""
    if isinstance(audio, tuple):
        return as_wav(audio, channel=channel), "mix"
    return as_bytes(audio), channel


def as_bytes(audio: Audio) -> bytes:
    """Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, bytes):
        return audio
    if isinstance(audio, tuple):
        return as_wav(audio)
    if isinstance(audio, bytearray | memoryview | mmap.mmap):
        return bytes(audio)
    if isinstance(audio, str | os.PathLike):
        return read_file(os.fsdecode(audio))
    return b"".join(_pieces(audio, MAX_FILE_BYTES))


def encoded(audio: Audio) -> AbstractContextManager[ByteSource]:
    """Of a recording of any length. Raises FileMissing, FileTooLarge, AudioError."""
    if isinstance(audio, tuple):
        return nullcontext(as_wav(audio, RECORDING))
    if isinstance(audio, str | os.PathLike):
        return mapped_file(os.fsdecode(audio))
    if isinstance(audio, bytes | bytearray | memoryview | mmap.mmap):
        return nullcontext(as_bytes(audio))
    return _copied(audio)


@contextmanager
def _copied(file: Readable) -> Iterator[ByteSource]:
    """An open file on disk, so that it need not fit in memory."""
    with TemporaryFile() as kept:
        for piece in _pieces(file, RECORDING_BYTES):
            kept.write(piece)
        with mapped_object(kept) as data:
            yield data


def _pieces(file: Any, max_bytes: int) -> Iterator[bytes]:
    """What an open file holds from where it is. Raises FileTooLarge, EmptyAudio, UnsupportedAudio."""
    if not callable(getattr(file, "read", None)):
        raise UnsupportedAudio(_no_audio(file))
    size = 0
    while piece := _read(file):
        size += len(piece)
        if size > max_bytes:
            raise FileTooLarge(max_bytes)
        yield piece
    if not size:
        raise _nothing(file)


def _no_audio(given: object) -> str:
    if isinstance(given, list) and given and isinstance(given[0], str | bytes | os.PathLike):
        return "A list of recordings was given where one is taken. Pass them one by one: enroll(name, *recordings)."
    if hasattr(given, "__array__") or isinstance(given, list):
        return f"Samples alone do not say how fast they were recorded. {PAIR}"
    return f"What was given is no audio (type {type(given).__name__}). {POSSIBLE}"


def _read(file: Readable) -> bytes:
    try:
        piece: object = file.read(PIECE_BYTES)
    except (OSError, ValueError) as error:  # closed, or opened to be written
        raise UnsupportedAudio(f"The file cannot be read ({error}). Open it again, in binary mode ('rb').") from error
    if isinstance(piece, bytes | bytearray | memoryview):
        return bytes(piece)
    if isinstance(piece, str):
        raise UnsupportedAudio("The file was opened as text. Open it in binary mode: open(path, 'rb').")
    if hasattr(piece, "close"):  # a coroutine, which would warn that no one awaited it
        piece.close()
    raise UnsupportedAudio(f"read() gave a {type(piece).__name__} and no bytes. Read it yourself, and pass the bytes.")


def _nothing(file: Any) -> UnsupportedAudio | EmptyAudio:
    try:
        at = file.tell()
    except (OSError, ValueError, AttributeError):
        at = 0
    return UnsupportedAudio("The file was read to its end before. Call its seek(0) first.") if at else EmptyAudio()
