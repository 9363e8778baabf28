"""A gallery's file, fetched from a server or sent to one: never whole in memory, and never half under its name."""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from speakerid.client.wire import Call, ClientError, Wire, parsed, unreadable
from speakerid.errors import GalleryFileExists, GalleryFileUnwritable
from speakerid.types import GalleryExport, GalleryImport

MANIFEST = "manifest.json"
OF_THE_MANIFEST = ("speakers", "utterances", "audio", "left_out")
IMPORT_S = 3600.0  # of a million utterances; the answer comes when all are there
LABEL_HEX = 12  # of a fingerprint


def fetch(wire: Wire, gallery: str, path: Path, *, audio: bool) -> GalleryExport:
    """Raises ClientError."""
    if os.path.exists(path):  # never raises, as the methods of a Path may
        raise ClientError(GalleryFileExists.code, str(GalleryFileExists(str(path))))
    call = Call("GET", f"/v1/galleries/{quote(gallery, safe='')}/export", {"audio": audio})
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            wire.download(call, out)
            os.fsync(out.fileno())
        found = _described(partial)
        partial.replace(path)
    except OSError as error:
        detail = f"{path} cannot be written ({error.strerror}). Choose another place."
        raise ClientError(GalleryFileUnwritable.code, detail) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return found


def send(wire: Wire, path: Path, name: str | None, *, reembed: bool) -> GalleryImport:
    """Raises ClientError."""
    params: dict[str, Any] = {"reembed": reembed} | ({} if name is None else {"name": name})
    try:
        with path.open("rb") as content:
            headers = {"Content-Type": "application/zip"}
            call = Call("POST", "/v1/galleries/import", params, content=content, headers=headers, timeout_s=IMPORT_S)
            return wire.ask(GalleryImport, call)
    except OSError as error:
        raise unreadable(path, error) from error


def _described(path: Path) -> GalleryExport:
    """By the manifest, which comes last: a file without was cut. Raises ClientError `unexpected_answer`."""
    try:
        with zipfile.ZipFile(path) as inside:
            manifest = json.loads(inside.read(MANIFEST))
        encoder = f"{manifest['encoder']['name']}@{manifest['encoder']['fingerprint'][:LABEL_HEX]}"
        fields = {one: manifest[one] for one in OF_THE_MANIFEST}
        values = fields | {"gallery": manifest["gallery"]["name"], "encoder": encoder}
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        detail = "The server answered with no whole gallery's file. Try again."
        raise ClientError("unexpected_answer", detail) from error
    return parsed(GalleryExport, values, "The server")
