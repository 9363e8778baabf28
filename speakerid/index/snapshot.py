"""Compressed vectors in one file, to begin with where a process before left off.

The file: a mark, the SHA-256 of a manifest, its length, the manifest as JSON, and the arrays, of whose every
BLOCK_BYTES the manifest has the digest. It is opened memory-mapped, once every digest is right. What it holds is
biometric: `blank` takes single vectors out of it, in place.

Whoever reads or blanks a file holds its folder meanwhile: `held`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from speakerid.index.base import Keys
from speakerid.index.compressed import (
    BLOCK,
    CompressedVectors,
    Positions,
    QuantizedVectors,
    blank_code,
    block_bytes,
    positions_of,
)

MARK = b"SPEAKERID-VECTORS-1\n"
HEAD_BYTES = len(MARK) + hashlib.sha256().digest_size + 8
PAGE_BYTES = 4096  # where arrays begin
BLOCK_BYTES = 4 * 1024 * 1024


class SnapshotUnusable(ValueError):
    """Not whole, or not of this version: what it holds is made again."""


@dataclass(frozen=True)
class SnapshotOrigin:
    """What a snapshot was made of."""

    gallery: str  # what only this gallery is known by
    encoder: str  # fingerprint
    position: int  # changes before it are in the vectors
    damaged: tuple[int, ...] = ()  # keys of speakers whose rows cannot be used


@dataclass(frozen=True)
class _StoredArray:
    start: int  # bytes behind the manifest
    dtype: str
    shape: tuple[int, ...]
    digests: tuple[str, ...]  # of each block

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Manifest:
    origin: SnapshotOrigin
    arrays: dict[str, _StoredArray]

    def to_bytes(self) -> bytes:
        """Of the same length whatever the digests are."""
        text = json.dumps(asdict(self)).encode()
        head = MARK + hashlib.sha256(text).digest() + len(text).to_bytes(8, "little") + text
        return head.ljust(_whole_pages(len(head)), b"\0")

    @classmethod
    def of(cls, data: mmap.mmap) -> tuple[_Manifest, int]:
        """With where the arrays begin. Raises SnapshotUnusable."""
        if data[: len(MARK)] != MARK:
            raise SnapshotUnusable("it is no snapshot of this version")
        length = int.from_bytes(data[HEAD_BYTES - 8 : HEAD_BYTES], "little")
        text = data[HEAD_BYTES : HEAD_BYTES + length]
        if hashlib.sha256(text).digest() != data[len(MARK) : HEAD_BYTES - 8]:
            raise SnapshotUnusable("its manifest is damaged")
        found = json.loads(text)
        arrays = {name: _StoredArray(**_with_tuples(fields)) for name, fields in found["arrays"].items()}
        return cls(SnapshotOrigin(**_with_tuples(found["origin"])), arrays), _whole_pages(HEAD_BYTES + length)


@contextmanager
def held(folder: Path, *, alone: bool) -> Iterator[None]:
    """Against those who hold it `alone`, or against all; of this process and others. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def write(out: BinaryIO, origin: SnapshotOrigin, vectors: CompressedVectors) -> None:
    """Durably. Raises OSError."""
    stored = vectors.stored
    arrays: dict[str, NDArray[Any]] = {
        "keys": stored.keys,
        "scales": stored.scales,
        "centroids": vectors.centroids,
        "codes": vectors.codes,
        "rows": stored.rows,
    }
    placed, at = dict[str, _StoredArray](), 0
    for name, array in arrays.items():
        placed[name] = _StoredArray(at, array.dtype.str, array.shape, _digests(_bytes_of(array)))
        at += _whole_pages(array.nbytes)

    out.write(_Manifest(origin, placed).to_bytes())
    for array in arrays.values():
        out.write(_bytes_of(array))
        out.write(bytes(_whole_pages(array.nbytes) - array.nbytes))
    out.flush()
    os.fsync(out.fileno())


def read(path: Path) -> tuple[SnapshotOrigin, CompressedVectors]:
    """Memory-mapped. Raises SnapshotUnusable, OSError."""
    data = _mapped(path)
    manifest, begin = _Manifest.of(data)
    arrays = {name: _array(data, begin, one) for name, one in manifest.arrays.items()}
    for name, one in manifest.arrays.items():
        if _digests(_bytes_of(arrays[name])) != one.digests:
            raise SnapshotUnusable(f"its {name} are damaged")
    stored = QuantizedVectors(arrays["keys"], arrays["rows"], arrays["scales"])
    vectors = CompressedVectors(stored, arrays["codes"], arrays["centroids"])
    codes = manifest.arrays["codes"]
    data.madvise(mmap.MADV_DONTNEED, begin + codes.start, codes.bytes)  # FAISS has a copy
    return manifest.origin, vectors


def origin_of(path: Path) -> SnapshotOrigin:
    """Raises SnapshotUnusable, OSError."""
    with _mapped(path) as data:
        return _Manifest.of(data)[0].origin


def newest_key(path: Path) -> int:
    """The largest. Raises SnapshotUnusable, OSError."""
    data = _mapped(path)
    manifest, begin = _Manifest.of(data)
    return int(_array(data, begin, manifest.arrays["keys"])[-1])


def blank(path: Path, keys: Keys, *, at_most: float) -> bool:
    """Overwrite the vectors of `keys` with zeros, durably. False, and nothing done, for more than this share of all.

    Killed in between, the file is damaged, and known to be. Raises SnapshotUnusable, OSError.
    """
    data = _mapped(path, mmap.ACCESS_WRITE)
    manifest, begin = _Manifest.of(data)
    arrays = {name: _array(data, begin, one) for name, one in manifest.arrays.items()}
    at = positions_of(keys, arrays["keys"])
    at = at[arrays["scales"][at] > 0]
    if len(at) > at_most * len(arrays["keys"]):
        return False
    if len(at):
        arrays["scales"][at], arrays["rows"][at] = 0, 0
        dim = arrays["rows"].shape[1]
        codes = arrays["codes"].reshape(-1, block_bytes(dim))
        for one in at.tolist():
            blank_code(codes[one // BLOCK], dim, one % BLOCK)
        rows = {"scales": (at, 4), "rows": (at, dim), "codes": (at // BLOCK, codes.shape[1])}
        head = _digested_again(manifest, arrays, rows).to_bytes()
        data[: len(head)] = head
        data.flush()
    return True


def _digested_again(
    manifest: _Manifest, arrays: dict[str, NDArray[Any]], changed: dict[str, tuple[Positions, int]]
) -> _Manifest:
    """`changed`: rows of an array, and of how many bytes each is."""
    placed = dict(manifest.arrays)
    touched = {
        (name, int(nth))
        for name, (rows, size) in changed.items()
        for nth in np.unique([rows * size // BLOCK_BYTES, ((rows + 1) * size - 1) // BLOCK_BYTES])
    }
    for name, nth in touched:
        digests = list(placed[name].digests)
        digests[nth] = _digest(_bytes_of(arrays[name])[nth * BLOCK_BYTES : (nth + 1) * BLOCK_BYTES])
        placed[name] = replace(placed[name], digests=tuple(digests))
    return replace(manifest, arrays=placed)


def _mapped(path: Path, access: int = mmap.ACCESS_READ) -> mmap.mmap:
    """Raises SnapshotUnusable, OSError."""
    with path.open("rb" if access == mmap.ACCESS_READ else "r+b") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=access)
        except ValueError:
            raise SnapshotUnusable("it is empty") from None


def _array(data: mmap.mmap, begin: int, stored: _StoredArray) -> NDArray[Any]:
    """Raises SnapshotUnusable."""
    start = begin + stored.start
    if start + stored.bytes > len(data):
        raise SnapshotUnusable("it was cut")
    return np.frombuffer(data, stored.dtype, int(np.prod(stored.shape)), start).reshape(stored.shape)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _digests(data: memoryview) -> tuple[str, ...]:
    return tuple(_digest(data[start : start + BLOCK_BYTES]) for start in range(0, len(data), BLOCK_BYTES))


def _digest(block: memoryview) -> str:
    return hashlib.sha256(block).hexdigest()


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES
