"""Read a gallery's file that somebody else may have made: everything is bounded, then checked, then used.

Nothing of it is ever written under a name that it brings, and nothing in it is run: of an npz only the bytes of one
array of a kind and shape that is known before.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from speakerid.audio.files import require_file
from speakerid.db.types import NORM_TOLERANCE
from speakerid.errors import FileMissing, GalleryFileDamaged, GalleryFileNewer
from speakerid.names import quoted_path
from speakerid.services.moving.gallery_file import (
    FORMAT,
    MANIFEST,
    MANIFEST_OF,
    MOST_DIRECTORY_BYTES,
    MOST_INFLATION,
    MOST_LINE_BYTES,
    MOST_MANIFEST_BYTES,
    MOST_MEMBER_BYTES,
    SPEAKER,
    UTTERANCE,
    VERSION,
    Manifest,
    MemberLine,
    PartLine,
    SpeakerLine,
    UtteranceLine,
)
from speakerid.types import FloatArray

PIECE_BYTES = 1024 * 1024
END, END_BYTES = b"PK\x05\x06", 22
LOCATOR, LOCATOR_BYTES = b"PK\x06\x07", 20
END64, END64_BYTES = b"PK\x06\x06", 56
COMMENT_BYTES = 65_535
ENCRYPTED = 0x1
FLOAT32 = np.dtype("<f4")
# zipfile's ValueErrors: a place before the file's beginning, a name that is not in UTF-8; its RuntimeErrors: encrypted,
# or packed in an unknown way.
BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, struct.error, OverflowError, ValueError, OSError)
Line = TypeVar("Line")


@dataclass(frozen=True)
class GalleryPart:
    """Speakers and all of their utterances, in one order; `embeddings (n, dim)` of length 1, one an utterance."""

    speakers: list[SpeakerLine]
    utterances: list[UtteranceLine]
    embeddings: FloatArray
    fingerprints: PartBytes
    audio: PartBytes


@dataclass(frozen=True)
class PartBytes:
    """Bytes one after the other, in the order of the utterances."""

    kind: str
    _raw: BinaryIO

    def next(self, size: int | None) -> bytes | None:
        """The next `size` bytes. Raises GalleryFileDamaged."""
        if size is None:
            return None
        with _named(f"its {self.kind}"):
            found = self._raw.read(size)
        if len(found) != size:
            raise GalleryFileDamaged(f"its {self.kind} is shorter than it says")
        return found


class GalleryFile:
    def __init__(self, opened: zipfile.ZipFile, manifest: Manifest) -> None:
        self._zip = opened
        self.manifest = manifest

    def check(self) -> None:
        """Whether each byte is the one that was exported. Raises GalleryFileDamaged."""
        for part in self.manifest.parts:
            for member in part.files:
                with self._open(member.name) as raw, _named(member.name):
                    if _digest(raw) != member.sha256:
                        raise GalleryFileDamaged(f"{member.name} is not what was exported")

    def parts(self) -> Iterator[GalleryPart]:
        """Raises GalleryFileDamaged."""
        for part in self.manifest.parts:
            spoken = list(self._lines(part, "speakers", SPEAKER, part.speakers))
            said = list(self._lines(part, "utterances", UTTERANCE, part.utterances))
            if sum(one.audio_bytes is not None for one in said) != part.audio:
                raise GalleryFileDamaged("it has more or less audio than it says")
            with self._pieces(part, "fingerprints") as fingerprints, self._pieces(part, "audio") as audio:
                yield GalleryPart(spoken, said, self._embeddings(part), fingerprints, audio)

    def _lines(self, part: PartLine, kind: str, adapter: TypeAdapter[Line], count: int) -> Iterator[Line]:
        member = part.member(kind)
        if member is None:
            if count:
                raise GalleryFileDamaged(f"a part has no {kind}")
            return
        nth = 0
        with self._open(member.name) as raw, _named(member.name):
            while line := raw.readline(MOST_LINE_BYTES + 1):
                nth += 1
                if nth > count or len(line) > MOST_LINE_BYTES:
                    raise GalleryFileDamaged(f"{member.name} is longer than it may be")
                yield _parsed(adapter, line, f"line {nth} of {member.name}")
        if nth != count:
            raise GalleryFileDamaged(f"{member.name} has {nth} lines instead of {count}")

    def _embeddings(self, part: PartLine) -> FloatArray:
        dim, member = self.manifest.encoder.dim, part.member("embeddings")
        if not part.utterances:
            return np.zeros((0, dim or 1), np.float32)
        if dim is None or member is None:
            raise GalleryFileDamaged("a part has no embeddings")
        with self._open(member.name) as raw, _named(member.name):
            found = _array(raw.read(part.utterances * dim * 4 + PIECE_BYTES), (part.utterances, dim), member.name)
        if not (np.abs(np.linalg.norm(found, axis=1) - 1.0) <= NORM_TOLERANCE).all():  # also false for NaN
            raise GalleryFileDamaged(f"{member.name} has embeddings that are not of length 1")
        return found

    @contextmanager
    def _pieces(self, part: PartLine, kind: str) -> Iterator[PartBytes]:
        member = part.member(kind)
        if member is None:
            yield PartBytes(kind, io.BytesIO())
            return
        with self._open(member.name) as raw:
            yield PartBytes(kind, raw)

    @contextmanager
    def _open(self, name: str) -> Iterator[BinaryIO]:
        with _named(name):
            raw = self._zip.open(name)
        with io.BufferedReader(raw, PIECE_BYTES) as buffered:  # type: ignore[type-var]  # it reads as one
            yield buffered


@contextmanager
def opened(file: Path | BinaryIO) -> Iterator[GalleryFile]:
    """Raises FileMissing, GalleryFileDamaged, GalleryFileNewer."""
    if isinstance(file, Path):
        require_file(file)
        try:
            raw = file.open("rb")
        except OSError as error:
            raise FileMissing(f"{quoted_path(file)} cannot be read ({error.strerror}). Check the path.") from error
        with raw, opened(raw) as found:
            yield found
        return
    with _named("the zip"):
        _refuse_large_directory(file)
        inside = zipfile.ZipFile(file)
    with inside:
        manifest = _manifest(inside)
        _refuse_others(inside, manifest, file.seek(0, io.SEEK_END))
        yield GalleryFile(inside, manifest)


def _manifest(inside: zipfile.ZipFile) -> Manifest:
    info = inside.NameToInfo.get(MANIFEST)
    if info is None:
        raise GalleryFileDamaged("it is a zip, but no gallery's: it has no manifest.json, which comes last")
    if info.file_size > MOST_MANIFEST_BYTES:
        raise GalleryFileDamaged("its manifest.json is too large")
    _refuse_packing(info)
    with _named(MANIFEST), inside.open(info) as raw:
        text = raw.read(MOST_MANIFEST_BYTES)
    head = _parsed(TypeAdapter(dict[str, Any]), text, MANIFEST)
    if head.get("format") != FORMAT:
        raise GalleryFileDamaged("it is a zip, but no gallery's")
    if isinstance(head.get("version"), int) and head["version"] > VERSION:
        raise GalleryFileNewer(head["version"], VERSION)
    return _parsed(MANIFEST_OF, text, MANIFEST)


def _refuse_others(inside: zipfile.ZipFile, manifest: Manifest, size: int) -> None:
    """What is not in the manifest, is there twice, is packed in another way, or becomes too large."""
    known = {one.name: one for part in manifest.parts for one in part.files}
    names = [one.filename for one in inside.infolist()]
    if len(names) != len(set(names)) or set(names) != {MANIFEST, *known} or _is_named_twice(manifest):
        raise GalleryFileDamaged("its files are not those that its manifest.json names")
    if sum(one.file_size for one in inside.infolist()) > MOST_INFLATION * size:
        raise GalleryFileDamaged("it would become far larger than what was exported")
    for one in inside.infolist():
        _refuse_packing(one)
        if one.filename != MANIFEST and one.file_size != known[one.filename].bytes:
            raise GalleryFileDamaged(f"{one.filename} is not what was exported")
        if one.file_size > MOST_MEMBER_BYTES and not one.filename.startswith("audio-"):
            raise GalleryFileDamaged(f"{one.filename} is longer than it may be")


def _refuse_packing(member: zipfile.ZipInfo) -> None:
    """Before it is opened: other ways take memory that the file names."""
    if member.flag_bits & ENCRYPTED or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise GalleryFileDamaged(f"{member.filename} is packed in a way that no export uses")


def _is_named_twice(manifest: Manifest) -> bool:
    every: list[MemberLine] = [one for part in manifest.parts for one in part.files]
    return len(every) != len({one.name for one in every})


def _refuse_large_directory(file: BinaryIO) -> None:
    """Before zipfile reads it all: an entry of 46 bytes takes it half a kilobyte."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - END_BYTES - COMMENT_BYTES - LOCATOR_BYTES - END64_BYTES))
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + END_BYTES:
        raise GalleryFileDamaged("it is no zip, or its end is missing")
    sizes = [struct.unpack_from("<L", tail, at + 12)[0]]
    if tail[max(0, at - LOCATOR_BYTES) :].startswith(LOCATOR):  # zip64: beside it, or where the locator says
        said = struct.unpack_from("<Q", tail, at - LOCATOR_BYTES + 8)[0]
        beside = size - len(tail) + at - LOCATOR_BYTES - END64_BYTES
        sizes = [_directory_bytes(file, place) for place in (said, beside) if 0 <= place <= size]
    file.seek(0)
    if max(sizes, default=0) > MOST_DIRECTORY_BYTES:
        raise GalleryFileDamaged("it has more files than any export")


def _directory_bytes(file: BinaryIO, place: int) -> int:
    file.seek(place)
    record = file.read(END64_BYTES)
    return struct.unpack_from("<Q", record, 40)[0] if record.startswith(END64) and len(record) == END64_BYTES else 0


def _array(npz: bytes, shape: tuple[int, int], name: str) -> FloatArray:
    """Its one array, after its header was looked at: numpy makes room for what that says."""
    with zipfile.ZipFile(io.BytesIO(npz)) as inside:
        (info, *others) = inside.infolist() or [zipfile.ZipInfo()]
        if others or info.filename != "embedding.npy" or info.compress_type != zipfile.ZIP_STORED:
            raise GalleryFileDamaged(f"{name} is not an array of embeddings")
        with inside.open(info) as raw:
            try:
                magic = np.lib.format.read_magic(raw)
                found, fortran, kind = np.lib.format.read_array_header_1_0(raw)
            except (ValueError, SyntaxError, TokenError):
                raise GalleryFileDamaged(f"{name} is not an array of embeddings") from None
            if magic != (1, 0) or found != shape or fortran or kind != FLOAT32:
                raise GalleryFileDamaged(f"{name} is not an array of float32 with {shape[0]} rows of {shape[1]}")
            values = raw.read(shape[0] * shape[1] * 4)
            if len(values) != shape[0] * shape[1] * 4 or raw.read(1):
                raise GalleryFileDamaged(f"{name} is not as long as it says")
    return np.frombuffer(values, FLOAT32).reshape(shape).astype(np.float32)


def _parsed(adapter: TypeAdapter[Line], text: bytes, where: str) -> Line:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(one) for one in first["loc"][:3])
        raise GalleryFileDamaged(f"{where}: {field or 'it'}: {first['msg']}") from None


def _digest(raw: BinaryIO) -> str:
    found = hashlib.sha256()
    while piece := raw.read(PIECE_BYTES):
        found.update(piece)
    return found.hexdigest()


@contextmanager
def _named(what: str) -> Iterator[None]:
    """What zipfile and zlib raise about bytes that are none, as one error."""
    try:
        yield
    except BROKEN as error:
        raise GalleryFileDamaged(f"{what} cannot be read ({error})") from None
