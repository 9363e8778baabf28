"""What every request passes through: a request id, HEAD and OPTIONS, a watch for clients that have gone."""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
from functools import cached_property

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.audio.limits import cancelled_by

REQUEST_ID = "X-Request-Id"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id() -> str:
    return secrets.token_hex(8)


class RequestId:
    """Every response carries `X-Request-Id`: the caller's own when it is a plain short text, a new one otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _PLAIN.fullmatch(given) else new_request_id()
        scope["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


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
        allowed = ", ".join(self._allowed(scope["path"]))
        if scope["method"] == "OPTIONS" and allowed:
            return await Response(status_code=204, headers={"Allow": allowed})(scope, receive, send)

        async def send_with_allow(message: Message) -> None:
            if allowed and message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = allowed
            await send(message)

        if scope["method"] == "HEAD":
            return await self._app({**scope, "method": "GET"}, receive, _Head(send_with_allow))
        await self._app(scope, receive, send_with_allow)

    def _allowed(self, path: str) -> list[str]:
        methods = {method for pattern, some in self._paths if pattern.fullmatch(path) for method in some}
        found = [method for method in METHODS if method in methods]
        return found and [*found, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], set[str]]]:
        described = self._service.openapi()["paths"].items()
        return [(_pattern(path), {method.upper() for method in item}) for path, item in described]


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
