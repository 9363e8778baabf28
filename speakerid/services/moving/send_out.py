"""A gallery becomes a file of this machine, or the bytes of an answer that nobody has to wait for."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from speakerid.errors import GalleryFileExists, GalleryFileUnwritable
from speakerid.services.engine import Engine
from speakerid.services.moving.writing import written
from speakerid.types import GalleryExport
from speakerid.whole_files import write_whole

PRIVATE = 0o600  # voices are in it


def to_file(engine: Engine, gallery: str, path: Path, *, audio: bool = False) -> GalleryExport:
    """Write a new file, whole or not at all.

    Raises GalleryNotFound, GalleryFileExists, GalleryFileUnwritable, GalleryFileError.
    """
    found: list[GalleryExport] = []

    def write(out: BinaryIO) -> None:
        found.extend(one for one in written(engine, gallery, out, audio=audio) if one is not None)

    if os.path.exists(path):  # never raises, as the methods of a Path may
        raise GalleryFileExists(str(path))
    try:
        write_whole(path, write, mode=PRIVATE)
    except OSError as error:
        raise GalleryFileUnwritable(f"{path} cannot be written ({error.strerror}). Choose another place.") from error
    return found[-1]


def chunks(engine: Engine, gallery: str, *, audio: bool = False) -> Iterator[bytes]:
    """The file's bytes as they are made. Where this ends with an error, the file has no end and no import takes it."""
    out = _Chunks()
    for _ in written(engine, gallery, out, audio=audio):
        if chunk := out.taken():
            yield chunk


class _Chunks(io.RawIOBase):
    """What is written waits until it is taken; it cannot be gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile gives it nothing else
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        waiting, self._waiting = bytes(self._waiting), bytearray()
        return waiting
