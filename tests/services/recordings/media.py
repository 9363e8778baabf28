"""A server elsewhere that recordings are fetched from, on loopback, well and badly behaved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from speakerid.services.recordings.fetch import Sources


@dataclass
class Media:
    """`files` by path. Other paths misbehave: /redirect, /compressed, /silent, /short, /endless, /crumbs,
    /large."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/meeting.flac") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sources(self) -> Sources:
        return Sources((self.host,), private=True)


@contextmanager
def served(**files: bytes) -> Iterator[Media]:
    """`meeting=…` becomes /meeting.flac."""
    media = Media(files={f"/{name}.flac": content for name, content in files.items()})

    class Handler(_Handler):
        here = media

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        media.port = server.server_port
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield media
        finally:
            media.over.set()
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    here: Media

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.here.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        with suppress(OSError):  # who asked has gone
            getattr(self, "_" + path.strip("/"), self._file)(path)

    def _file(self, path: str) -> None:
        content = self.here.files.get(path)
        self._begin(404 if content is None else 200, {"Content-Length": str(len(content or b""))})
        self.wfile.write(content or b"")

    def _redirect(self, _: str) -> None:
        self._begin(302, {"Location": "http://169.254.169.254/latest/meta-data/", "Content-Length": "0"})

    def _compressed(self, _: str) -> None:
        self._begin(200, {"Content-Encoding": "gzip", "Content-Length": "0"})

    def _silent(self, _: str) -> None:
        self._begin(200, {"Content-Length": "10"})
        self.here.over.wait(600)

    def _short(self, _: str) -> None:
        self._begin(200, {"Content-Length": "1000"})
        self.wfile.write(b"RIFF")

    def _endless(self, _: str) -> None:
        self._begin(200, {})
        while not self.here.over.is_set():
            self.wfile.write(bytes(64 * 1024))

    def _crumbs(self, _: str) -> None:
        self.protocol_version = "HTTP/1.1"
        self._begin(200, {"Transfer-Encoding": "chunked"})
        while not self.here.over.is_set():
            self.wfile.write(b"1\r\nx\r\n" * 100)

    def _large(self, _: str) -> None:
        self._begin(200, {"Content-Length": "9" * 15})

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
