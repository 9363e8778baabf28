"""The files of models: written whole, checked by their SHA-256, what goes wrong with their folder named."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from speakerid.errors import ModelsDiskFull, ModelsFolderUnusable, WrongHash
from speakerid.whole_files import write_whole

CHUNK = 1 << 20  # bytes


def write_bytes(path: Path, data: bytes) -> None:
    """Whole or not at all. Makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda out: out.write(data))


def refuse_unusable(folder: Path) -> None:
    """Before long work whose result goes to `folder`, which need not exist. Raises what `named_failures` does."""
    with named_failures(folder, 0):
        existing = next(one for one in (folder, *folder.parents) if one.exists())
        TemporaryFile(dir=existing).close()


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
