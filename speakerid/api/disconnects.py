"""Notice when the client of a request with a body has gone, so that decoding for it ends."""

from __future__ import annotations

import asyncio
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.audio.cancellation import cancelled_by


class DisconnectWatch:
    """Once the body has come, nothing but a disconnect can follow; it is awaited while the request is worked on."""

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
