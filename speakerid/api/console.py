"""The console: the files of speakerid/console/ at / and /console/…, and what a browser may do with them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Header, HTTPException, Response

from speakerid.api.parameters import StrictRoute

router = APIRouter(route_class=StrictRoute)
MEDIA = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
# Nothing but this server's own files and answers: no inline script or style, no frame around it, no form that leaves.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURE = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
SMALLER = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}


@dataclass(frozen=True)
class ConsoleFile:
    """`etag` changes with every byte: browsers ask each time, and are sent what they do not have."""

    media: str
    content: bytes
    compressed: bytes
    etag: str


@router.get("/", include_in_schema=False)
async def console(if_none_match: str = Header(""), accept_encoding: str = Header("")) -> Response:
    return _answer("index.html", if_none_match, accept_encoding)


@router.get("/console/{path:path}", include_in_schema=False)
async def console_file(path: str, if_none_match: str = Header(""), accept_encoding: str = Header("")) -> Response:
    return _answer(path, if_none_match, accept_encoding)


@cache  # 150 kB or so, read at the first request
def console_files() -> dict[str, ConsoleFile]:
    """By path below speakerid/console/: no path of a request is ever looked for on the disk."""
    return dict(_read(files("speakerid") / "console", ""))


def _read(folder: Traversable, prefix: str) -> list[tuple[str, ConsoleFile]]:
    found = []
    for one in folder.iterdir():
        suffix = one.name.rpartition(".")[2]
        if one.is_dir():
            found += _read(one, f"{prefix}{one.name}/")
        elif suffix in MEDIA:
            found.append((f"{prefix}{one.name}", _file(MEDIA[suffix], one.read_bytes())))
    return found


def _file(media: str, content: bytes) -> ConsoleFile:
    digest = hashlib.sha256(content).hexdigest()[:16]
    return ConsoleFile(media, content, gzip.compress(content, mtime=0), f'"{digest}"')


def _answer(path: str, if_none_match: str, accept_encoding: str) -> Response:
    found = console_files().get(path)
    if found is None:
        raise HTTPException(404)
    headers = SECURE | {"ETag": found.etag}
    if found.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    if "gzip" in accept_encoding:
        return Response(found.compressed, media_type=found.media, headers=headers | SMALLER)
    return Response(found.content, media_type=found.media, headers=headers)
