"""A service's connections without a network, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from speakerid.cli.server.protocols import Door, HttpProtocol, StreamProtocol

App = Callable[[Any, Any, Any], Awaitable[None]]
HEAD = b"POST /x HTTP/1.1\r\nHost: here\r\n"
SMALL = HEAD + b"Content-Length: 1\r\n\r\n1"
UPGRADE = (
    b"GET /x HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
GOODBYE = b"\x88\x82\0\0\0\0\x03\xe8"
MESSAGE = b"\x81\x82\0\0\0\0{}"  # a frame with the text {}


class Transport(asyncio.Transport):
    """Takes everything, and lets a test say what of it the client has not read."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 50_000), "sockname": ("127.0.0.1", 80)})
        self.protocol: Any = None
        self.written = b""
        self.unread_bytes = 0
        self.end = ""
        self.finished = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.end != ""

    def close(self) -> None:
        self.end = self.end or "closed"

    def write_eof(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.end = "aborted"

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Service:
    """uvicorn's part of one, without a network."""

    def __init__(self, app: App, limit: int = 10) -> None:
        self.now = 1000.0
        self.door = Door(limit, lambda: self.now)
        ws: Any = partial(StreamProtocol, self.door)
        self.config = uvicorn.Config(app, ws=ws, ws_ping_interval=None, log_config=None, timeout_keep_alive=1000)
        self.config.load()
        self.state = ServerState()

    def connect(self, host: str = "192.0.2.1") -> Transport:
        transport = Transport(host)
        transport.protocol = HttpProtocol(self.door, config=self.config, server_state=self.state, app_state={})
        transport.protocol.connection_made(transport)
        return transport

    async def send(self, transport: Transport, data: bytes) -> None:
        if data:  # nothing would be the end of the connection
            transport.protocol.data_received(data)
        await self.turn()

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def passes(self, seconds: float) -> None:
        """It looks at its connections once a second."""
        for _ in range(round(seconds)):
            self.now += 1.0
            self.door.look(list(self.state.connections))
        await self.turn()


async def answer_at_once(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def never_answer(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await asyncio.Event().wait()


async def answer_without_end(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event", "more_body": True})
    await asyncio.Event().wait()


async def close_at_once(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})
    await receive()


async def talk(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        pass
