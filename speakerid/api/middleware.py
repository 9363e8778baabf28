"""What every request passes through: its path as routes know it, a request id, HEAD and OPTIONS, CORS, a watch for
clients that have gone."""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
from collections.abc import Sequence
from functools import cached_property

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.audio.limits import cancelled_by

REQUEST_ID = "X-Request-Id"
FRESH = "private, no-cache"  # no cache of many gives it to another, and one's own asks each time
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id() -> str:
    return secrets.token_hex(8)


class RequestId:
    """Every response carries `X-Request-Id`: the caller's own when it is a plain short text, a new one otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _PLAIN.fullmatch(given) else new_request_id()
        scope["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers.setdefault("Cache-Control", FRESH)
            await send(message)

        await self._app(scope, receive, send_with_id)


class PlainPaths:
    """Paths as routes know them: without the slashes that joined addresses leave at their ends, and without the
    server's own address, which clients of a proxy put in front (RFC 9112 section 3.2.2).

    Two slashes inside stay: there an id is missing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = _SERVER.sub("", scope["path"], count=1)
            scope["path"] = path if path == "*" else "/" + path.strip("/")  # in place: who answers 500 has this scope
        await self._app(scope, receive, send)


_SERVER = re.compile(r"^https?://[^/]*", re.IGNORECASE)
UNDESCRIBED = {
    path: {"GET"}
    for path in (
        "/",
        "/console/{file}",
        "/console/{folder}/{file}",
        "/docs",
        "/openapi.json",
        "/v1/galleries/{gallery}/stream",
    )
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Methods:
    """HEAD wherever there is GET, OPTIONS wherever there is anything, and a full Allow header with every 405.

    What a path allows is read from the API's own document: a route alone does not know its neighbors.
    """

    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "OPTIONS" and (allowed := self._allow(scope["path"])):
            return await Response(status_code=204, headers={"Allow": allowed})(scope, receive, send)

        async def send_with_allow(message: Message) -> None:
            is_405 = message["type"] == "http.response.start" and message["status"] == 405
            if is_405 and (allowed := self._allow(scope["path"])):
                MutableHeaders(scope=message)["Allow"] = allowed
            await send(message)

        if scope["method"] == "HEAD":
            as_get = {**scope, "method": "GET"}
            try:
                return await self._app(as_get, receive, _Head(send_with_allow))
            finally:
                scope["route"] = as_get.get("route")
        await self._app(scope, receive, send_with_allow)

    def _allow(self, path: str) -> str:
        """The value of an Allow header; empty for a path that is none of the API's."""
        return ", ".join([*METHODS, "HEAD", "OPTIONS"] if path == "*" else self._allowed(path))

    def _allowed(self, path: str) -> list[str]:
        methods = {method for pattern, some in self._paths if pattern.fullmatch(path) for method in some}
        found = [method for method in METHODS if method in methods]
        return found and [*found, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], set[str]]]:
        described = self._service.openapi()["paths"].items()
        paths = {path: {method.upper() for method in item} for path, item in described} | UNDESCRIBED
        return [(_pattern(path), methods) for path, methods in paths.items()]


class _Head:
    """The beginning of an answer. What never ends, such as events, ends there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._over = False

    async def __call__(self, message: Message) -> None:
        if self._over:
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self._over = True
            await self._send({"type": "http.response.body", "body": b""})


def _pattern(path: str) -> re.Pattern[str]:
    """`/v1/galleries/{gallery}` as the paths that it stands for."""
    parts = (part if place % 2 == 0 else None for place, part in enumerate(re.split(r"\{([^}]*)\}", path)))
    return re.compile("".join("[^/]+" if part is None else re.escape(part) for part in parts))


EXPOSED = ("Allow", "ETag", "Idempotent-Replayed", "Location", "Retry-After", REQUEST_ID)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let web pages of these origins call the API (CORS); no one where there is none. Cookies are never used.

    Around everything, so that a page can read a failure of the server as well: a middleware that is added in the
    usual way is inside of the one that answers 500.
    """
    if not origins:
        return
    build = app.build_middleware_stack

    def around_everything() -> ASGIApp:
        return CORSMiddleware(
            build(),
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=("*",),
            expose_headers=EXPOSED,
            allow_private_network="*" not in origins,  # a listed page may call a server on its visitor's machine
        )

    app.build_middleware_stack = around_everything  # type: ignore[method-assign]  # Starlette has no other place outside its own error handling


class DisconnectWatch:
    """Notice when the client of a request with a body has gone, so that decoding for it ends.

    Once the body has come, nothing but a disconnect can follow; it is awaited while the request is worked on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._app(scope, receive, send)
        watch = _Watch(receive)
        try:
            with cancelled_by(watch.gone):
                await self._app(scope, watch.receive, send)
        finally:
            watch.close()


class _Watch:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._next: asyncio.Task[Message] | None = None
        self.gone = threading.Event()

    async def receive(self) -> Message:
        if self._next is not None:
            return await asyncio.shield(self._next)
        message = await self._noted()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._next = asyncio.create_task(self._noted())
        return message

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()

    async def _noted(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone.set()
        return message
