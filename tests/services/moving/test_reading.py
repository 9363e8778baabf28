"""A gallery's file from somebody else: what is not as an export writes it is refused by name, and costs nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.errors import FileMissing, GalleryFileDamaged, GalleryFileNewer
from speakerid.services.moving import reading
from speakerid.services.moving.bring_in import bring_in
from speakerid.services.moving.send_out import chunks
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_speaker, made_up

Files = dict[str, bytes]
PARTS = ("speakers-00000.jsonl", "utterances-00000.jsonl", "embeddings-00000.npz")
SPEAKERS, UTTERANCES, EMBEDDINGS = PARTS


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def files(open_engine: EngineMaker, sqlite_template: Path, tmp_path: Path) -> Files:
    """Of an export of two speakers with three utterances."""
    path = tmp_path / "from.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = open_engine(str(path))
    add_speaker(engine, "Ada", made_up(unit(1)), made_up(unit(2)), external_id="hr-1")
    add_speaker(engine, "Ben", made_up(unit(3)), external_id="hr-2")
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks(engine, "default")))) as made:
        return {name: made.read(name) for name in made.namelist()}


@pytest.fixture
def sid(open_engine: EngineMaker, store_url: str) -> SpeakerID:
    return SpeakerID(open_engine(store_url))


def manifest(files: Files) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["manifest.json"])
    return found


def with_manifest(files: Files, **changed: Any) -> Files:
    """With this in its manifest, and there the size and digest of what the files are now."""
    found = manifest(files) | changed
    for part in found["parts"]:
        for one in part["files"]:
            data = files.get(one["name"], b"")
            one |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return files | {"manifest.json": json.dumps(found).encode()}


def lines(files: Files, name: str, change: Callable[[list[Any]], Any]) -> Files:
    """With other lines in one of the files, its digest right."""
    found = [json.loads(line) for line in files[name].splitlines()]
    change(found)
    return with_manifest(files | {name: "".join(json.dumps(one) + "\n" for one in found).encode()})


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def packed(files: Files, kind: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out


def vectors(files: Files) -> Any:
    return np.load(io.BytesIO(files[EMBEDDINGS]))["embedding"]


def with_vectors(files: Files, found: Any) -> Files:
    return with_manifest(files | {EMBEDDINGS: npz(embedding=found)})


def test_what_was_only_packed_again_is_taken(sid: SpeakerID, files: Files) -> None:
    assert bring_in(sid.engine, packed(with_manifest(files))).utterances == 3


def change(key: str, value: Any, nth: int = 0) -> Callable[[list[Any]], Any]:
    return lambda found: found[nth].update({key: value})


LINES: dict[str, tuple[str, Callable[[list[Any]], Any]]] = {
    "a name that cannot be printed": (SPEAKERS, change("name", "A\u202eda")),
    "a name that is no text": (SPEAKERS, change("name", 7)),
    "an unknown field": (SPEAKERS, change("admin", True)),
    "a missing field": (SPEAKERS, lambda found: found[0].pop("consent")),
    "an id that is a path": (SPEAKERS, change("id", "../../etc/passwd")),
    "a speaker twice": (SPEAKERS, lambda found: found[1].update(id=found[0]["id"])),
    "an external id twice": (SPEAKERS, change("external_id", "hr-1", 1)),
    "metadata with NaN": (SPEAKERS, change("metadata", {"x": float("nan")})),
    "too much metadata": (SPEAKERS, change("metadata", {"x": "y" * 20_000})),
    "a year before time": (SPEAKERS, change("created_at", "0001-01-01T00:00:00+14:00")),
    "a time without a zone": (SPEAKERS, change("created_at", "2026-01-01T00:00:00")),
    "one line less": (SPEAKERS, lambda found: found.pop()),
    "one line more": (SPEAKERS, lambda found: found.append(found[0])),
    "a line without an end": (SPEAKERS, change("name", "y" * 300_000)),
    "an utterance twice": (UTTERANCES, lambda found: found[1].update(id=found[0]["id"])),
    "a recording twice": (UTTERANCES, lambda found: found[1].update(sha256=found[0]["sha256"])),
    "an utterance of nobody": (UTTERANCES, change("speaker", "spk_" + "0" * 26)),
    "utterances of one speaker apart": (UTTERANCES, lambda found: found.insert(1, found.pop())),
    "no digest": (UTTERANCES, change("sha256", "0")),
    "seconds that are no number": (UTTERANCES, change("speech_seconds", float("inf"))),
    "negative seconds": (UTTERANCES, change("speech_seconds", -1.0)),
    "a refusal that there is not": (UTTERANCES, change("accepted", ["everything"])),
    "audio that is not there": (UTTERANCES, change("audio_bytes", 10)),
    "a fingerprint that is not there": (UTTERANCES, change("fingerprint_bytes", 10)),
}


@pytest.mark.parametrize("what", LINES)
def test_a_line_that_no_export_wrote(sid: SpeakerID, files: Files, what: str) -> None:
    refused(sid, packed(lines(files, *LINES[what])))


class Surprise:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("/tmp/speakerid-was-run"),)


ARRAYS: dict[str, Callable[[Any], bytes]] = {
    "NaN": lambda found: npz(embedding=found * np.float32("nan")),
    "vectors of another length": lambda found: npz(embedding=found * 2),
    "a row less": lambda found: npz(embedding=found[1:]),
    "another width": lambda found: npz(embedding=found[:, :16]),
    "doubles": lambda found: npz(embedding=found.astype(np.float64)),
    "columns first": lambda found: npz(embedding=np.asfortranarray(found)),
    "another name": lambda found: npz(voices=found),
    "two arrays": lambda found: npz(embedding=found, more=found),
    "pickled objects": lambda _: npz(embedding=np.array([[Surprise()]], dtype=object)),
    "a pickle": lambda _: pickle.dumps(Surprise()),
    "nothing": lambda _: b"",
    "vectors that cancel": lambda found: npz(embedding=np.stack([found[0], -found[0], found[2]])),
    "a header that asks for a terabyte": lambda _: _claiming((1_000_000, 300_000)),
    "a header that does not end": lambda _: _array_file(np.lib.format.magic(1, 0) + b"\x0a\0{'shape': ("),
    "encrypted": lambda found: _told(io.BytesIO(npz(embedding=found)), 8, 0x1).getvalue(),
}


def _claiming(shape: tuple[int, int]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return _array_file(header.getvalue())


def _array_file(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("embedding.npy", content)
    return out.getvalue()


@pytest.mark.parametrize("what", ARRAYS)
def test_an_array_that_no_export_wrote(sid: SpeakerID, files: Files, what: str) -> None:
    refused(sid, packed(with_manifest(files | {EMBEDDINGS: ARRAYS[what](vectors(files))})))
    assert not Path("/tmp/speakerid-was-run").exists()


ZIPS: dict[str, Callable[[Files], io.BytesIO]] = {
    "no zip": lambda _: io.BytesIO(b"RIFF" * 100),
    "nothing": lambda _: io.BytesIO(),
    "an end alone": lambda _: io.BytesIO(b"PK\x05\x06" + bytes(18)),
    "another zip": lambda _: packed({"readme.txt": b"x"}),
    "a manifest of something else": lambda files: packed(with_manifest(files, format="photo-album")),
    "a manifest that is no object": lambda files: packed(files | {"manifest.json": b"[]"}),
    "a manifest that is no JSON": lambda files: packed(files | {"manifest.json": b"{"}),
    "brackets without an end": lambda files: packed(files | {"manifest.json": b"[" * 100_000}),
    "a file more": lambda files: packed(files | {"x": b"x"}),
    "a path": lambda files: packed(files | {"../../evil": b"x"}),
    "a file less": lambda files: packed({name: data for name, data in files.items() if name != UTTERANCES}),
    "a changed byte": lambda files: packed(files | {SPEAKERS: files[SPEAKERS].replace(b"Ada", b"Eve")}),
    "another packing": lambda files: packed(with_manifest(files), zipfile.ZIP_BZIP2),
    "fewer speakers than it says": lambda files: packed(with_manifest(files, speakers=9)),
    "a kind of gallery that cannot be": lambda files: packed(
        with_manifest(files, gallery=manifest(files)["gallery"] | {"target_fpir": 2.0})
    ),
    "a calibration that is none": lambda files: packed(
        with_manifest(files, gallery=manifest(files)["gallery"] | {"calibration": {"slope": "steep"}})
    ),
    "an unknown way of combining": lambda files: packed(
        with_manifest(files, gallery=manifest(files)["gallery"] | {"combining": "best"})
    ),
    "a bomb": lambda files: packed(with_manifest(files | {SPEAKERS: files[SPEAKERS] + b" " * 50_000_000})),
    "a table of contents without an end": lambda files: _with_directory(files, 2**31),
    "a manifest packed in a way that takes memory": lambda files: _told(
        packed(with_manifest(files)), 10, zipfile.ZIP_BZIP2
    ),
    "an encrypted manifest": lambda files: _told(packed(with_manifest(files)), 8, 0x1),
    "a table of contents before the beginning": lambda files: _with_directory_at(files, 0x7FFF),
    "a name that is not in UTF-8": lambda files: io.BytesIO(
        packed(files | {"\u00e9": b""}).getvalue().replace("\u00e9".encode(), b"\xff\xff")
    ),
}


def _told(file: io.BytesIO, field: int, value: int) -> io.BytesIO:
    """With another value of two bytes in the last entry of its table of contents, which is the manifest's."""
    whole = bytearray(file.getvalue())
    struct.pack_into("<H", whole, whole.rfind(b"PK\x01\x02") + field, value)
    return io.BytesIO(bytes(whole))


def _with_directory_at(files: Files, place: int) -> io.BytesIO:
    whole = bytearray(packed(files).getvalue())
    struct.pack_into("<L", whole, whole.rfind(b"PK\x05\x06") + 16, place)
    return io.BytesIO(bytes(whole))


def _with_directory(files: Files, size: int) -> io.BytesIO:
    whole = bytearray(packed(files).getvalue())
    struct.pack_into("<L", whole, whole.rfind(b"PK\x05\x06") + 12, size)
    return io.BytesIO(bytes(whole))


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_that_no_export_wrote(sid: SpeakerID, files: Files, what: str) -> None:
    refused(sid, ZIPS[what](files))


def test_a_file_named_twice(sid: SpeakerID, files: Files) -> None:
    out = packed(with_manifest(files))
    with zipfile.ZipFile(out, "a") as made, pytest.warns(UserWarning, match="Duplicate name"):
        made.writestr(SPEAKERS, files[SPEAKERS])
    refused(sid, out)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_part_of_a_file(sid: SpeakerID, files: Files, share: float) -> None:
    whole = packed(with_manifest(files)).getvalue()
    refused(sid, io.BytesIO(whole[: int(len(whole) * share)]))


def test_bytes_that_were_changed_on_the_way(sid: SpeakerID, files: Files) -> None:
    """Wherever it is, it is noticed, or it changed nothing that is read."""
    whole, random = packed(with_manifest(files)).getvalue(), np.random.default_rng(0)
    for at in random.choice(len(whole), 150, replace=False):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        try:
            name = bring_in(sid.engine, io.BytesIO(bytes(changed)), f"g{at}").gallery
        except GalleryFileDamaged:
            continue
        assert (name.speakers, name.target_fpir) == (2, 0.01)


def test_a_newer_format_is_told_so(sid: SpeakerID, files: Files) -> None:
    with pytest.raises(GalleryFileNewer):
        bring_in(sid.engine, packed(with_manifest(files, version=3, more="fields")))


def test_no_file(sid: SpeakerID, tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        sid.import_gallery(tmp_path / "nothing.zip")
    with pytest.raises(FileMissing):
        sid.import_gallery(tmp_path)
    with pytest.raises(FileMissing):
        sid.import_gallery(Path(os.devnull))  # others have no end


def test_a_large_directory_is_refused_before_it_is_read(
    sid: SpeakerID, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = packed(with_manifest(files))
    monkeypatch.setattr(reading, "MOST_DIRECTORY_BYTES", 100)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(sid, file)


def refused(sid: SpeakerID, file: io.BytesIO) -> None:
    with pytest.raises(GalleryFileDamaged, match=r"^The gallery's file cannot be used: .+ Nothing was imported"):
        bring_in(sid.engine, file, "moved")
    assert [one.name for one in sid.galleries()] == ["default"]
