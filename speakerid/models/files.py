"""Files that are either whole or absent: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speakerid.errors import ModelsDiskFull, ModelsFolderUnusable, WrongHash

CHUNK = 1 << 20  # bytes


def write_whole(path: Path, data: bytes) -> None:
    """What stood at `path` stays until all of `data` is on the disk. Makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Of a file of any size, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_sha256(name: str, data: bytes, wanted: str) -> bytes:
    """`data` itself. Raises `WrongHash`."""
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise WrongHash(name, found, wanted)
    return data


@contextmanager
def named_failures(folder: Path, needed_bytes: int) -> Iterator[None]:
    """What the system refuses in `folder` becomes `ModelsDiskFull` or `ModelsFolderUnusable`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelsDiskFull(str(folder), needed_bytes) from error
        raise ModelsFolderUnusable(str(folder), error.strerror or str(error)) from error
