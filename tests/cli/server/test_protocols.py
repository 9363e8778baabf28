"""Deadlines of connections, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from speakerid.api.limits import BYTES_PER_S, PATIENCE_S
from speakerid.cli.server.connections import AT_ONCE
from speakerid.cli.server.protocols import GREETING, GREETING_S, HEAD_BYTES, HEAD_S, Door, HttpProtocol, StreamProtocol
from speakerid.cli.server.uvicorn_server import Server

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


async def talk(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        pass


@pytest.mark.parametrize("begun", [b"", b"POST", HEAD + b"X: "])
def test_a_head_has_ten_seconds_however_often_a_byte_of_it_comes(begun: bytes) -> None:
    async def run() -> None:
        service = Service(answer_at_once)
        client = service.connect()
        await service.send(client, begun)
        for _ in range(round(HEAD_S)):
            await service.passes(1)
            await service.send(client, b"a" if begun else b"")
        assert client.end == ""
        await service.passes(1)
        assert client.end == "aborted"

    asyncio.run(run())


def test_a_connection_that_is_kept_alive_has_ten_seconds_from_the_answer() -> None:
    async def run() -> None:
        service = Service(answer_at_once)
        client = service.connect()
        for _ in range(3):
            await service.passes(HEAD_S - 1)
            await service.send(client, SMALL)
        assert (client.written.count(b"204"), client.end) == (3, "")
        await service.passes(HEAD_S + 1)
        assert client.end == "aborted"

    asyncio.run(run())


def test_what_is_sent_after_an_early_answer_is_not_taken_for_long() -> None:
    async def answer_early(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def run() -> None:
        service = Service(answer_early)
        client = service.connect()
        await service.send(client, HEAD + b"Content-Length: 1000000\r\n\r\n")
        for _ in range(round(HEAD_S)):
            await service.passes(1)
            await service.send(client, bytes(50_000))
        assert client.end == ""  # the client can read its answer
        await service.passes(1)
        assert client.end == "aborted"

    asyncio.run(run())


@pytest.mark.parametrize("app", [never_answer, answer_without_end])
def test_work_and_long_answers_have_no_deadline_here(app: App) -> None:
    async def run() -> None:
        service = Service(app)
        client = service.connect()
        await service.send(client, SMALL)
        await service.passes(1000)
        assert client.end == ""

    asyncio.run(run())


@pytest.mark.parametrize(("bytes_per_s", "end"), [(0, "aborted"), (100, "aborted"), (2 * BYTES_PER_S, "")])
def test_a_client_must_read_its_answer(bytes_per_s: int, end: str) -> None:
    async def run() -> None:
        service = Service(answer_without_end)
        client = service.connect()
        await service.send(client, SMALL)
        client.unread_bytes = 1_000_000
        client.protocol.pause_writing()
        for _ in range(round(3 * PATIENCE_S)):
            await service.passes(1)
            client.unread_bytes -= int(bytes_per_s)
        assert client.end == end

    asyncio.run(run())


def test_who_still_reads_the_answer_before_is_not_idle() -> None:
    async def run() -> None:
        service = Service(answer_at_once)
        client = service.connect()
        await service.send(client, SMALL)
        client.unread_bytes = 60_000
        for _ in range(round(2 * HEAD_S)):
            await service.passes(1)
            client.unread_bytes -= 2048
        assert client.end == ""
        await service.passes(PATIENCE_S + 1)
        assert client.end == "aborted"

    asyncio.run(run())


def test_a_head_without_end_is_answered_and_what_follows_is_thrown_away() -> None:
    async def run() -> None:
        service = Service(answer_at_once)
        client = service.connect()
        await service.send(client, HEAD + b"X-Long: " + b"x" * HEAD_BYTES)
        assert client.written.startswith(b"HTTP/1.1 431 ")
        assert (client.finished, client.end) == (True, "")
        await service.send(client, b"\r\n\r\n" + SMALL)
        assert client.written.count(b"HTTP/1.1 ") == 1
        await service.passes(HEAD_S + 1)
        assert client.end == "aborted"

    asyncio.run(run())


def test_a_newcomer_takes_the_place_of_the_one_that_waited_longest() -> None:
    async def run() -> None:
        service = Service(never_answer, limit=3)
        working, idle, young = service.connect(), service.connect(), service.connect()
        await service.send(working, SMALL)
        await service.passes(2)
        young.protocol.timer.since = service.now
        new = service.connect()
        assert [one.end for one in (working, idle, young, new)] == ["", "aborted", "", ""]
        assert len(service.state.connections) == 3
        await service.send(new, SMALL)
        await service.send(young, SMALL)
        last = service.connect()
        assert last.written.startswith(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n")
        assert b'"code": "overloaded"' in last.written
        assert last.end == "closed"  # no client is cut off for it

    asyncio.run(run())


def test_a_flood_from_one_network_costs_others_nothing() -> None:
    async def run() -> None:
        service = Service(never_answer, limit=20)
        honest = service.connect("192.0.2.7")
        for _ in range(100):
            await service.passes(0.1)
            service.connect("192.0.2.1")
        assert honest.end == ""
        assert len(service.state.connections) <= 20

    asyncio.run(run())


def test_a_websocket_without_a_message_goes_first_and_ends_by_itself() -> None:
    async def run() -> None:
        service = Service(talk, limit=1000)
        silent, talking = service.connect(), service.connect()
        for client in (silent, talking):
            await service.send(client, UPGRADE)
            assert b"101 Switching Protocols" in client.written
        await service.send(talking, MESSAGE)
        await service.passes(GREETING_S + 1)
        assert (silent.end, talking.end) == ("aborted", "")

    asyncio.run(run())


def test_only_so_many_websockets_wait_for_their_first_message() -> None:
    async def run() -> None:
        service = Service(talk, limit=1000)
        clients = []
        for _ in range(GREETING + 10):
            service.now += 0.001
            clients.append(service.connect())
            await service.send(clients[-1], UPGRADE)
        assert [one.end for one in clients] == ["aborted"] * 10 + [""] * GREETING

    asyncio.run(run())


def test_a_flood_of_tiny_messages_is_told_why_it_ends() -> None:
    async def run() -> None:
        service = Service(talk)
        client = service.connect()
        await service.send(client, UPGRADE)
        await service.send(client, MESSAGE * (AT_ONCE + 2_000))
        event, close = client.written.split(b"\r\n\r\n")[1].split(b"\x88", 1)
        assert b'"code": "messages_too_small"' in event
        assert (int.from_bytes(close[1:3], "big"), close[3:]) == (4429, b"messages_too_small")
        assert (client.finished, client.end) == (True, "")
        await service.send(client, MESSAGE * 5_000)
        assert client.written.endswith(close)
        await service.passes(GREETING_S + 1)
        assert client.end == "aborted"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        (b"Cookie: " + b"a" * 9_000 + b"\r\n", b"431", b"request_head_too_large"),
        (b"Cookie: a\r\n" * 200, b"431", b"request_head_too_large"),
        (b"Content-Length: 5\r\n", b"400", b"invalid_http"),
    ],
)
def test_a_websocket_whose_head_cannot_be_taken_is_told_so(more: bytes, status: bytes, code: bytes) -> None:
    async def run() -> None:
        service = Service(talk)
        client = service.connect()
        await service.send(client, UPGRADE[:-2] + more + b"\r\n")
        assert client.written.startswith(b"HTTP/1.1 " + status)
        assert code in client.written
        assert client.end == "closed"

    asyncio.run(run())


def test_a_text_that_is_not_utf_8_is_the_clients_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        service = Service(talk)
        client = service.connect()
        await service.send(client, UPGRADE)
        await service.send(client, MESSAGE[:-2] + b"\xff\xfe")
        assert b'"code": "invalid_request"' in client.written
        await service.send(client, MESSAGE[:-2] + b"\xff\xfe" + GOODBYE)
        assert caplog.records == []

    asyncio.run(run())


@pytest.mark.parametrize("first", [MESSAGE * 60, MESSAGE[:-2] + b"\xff\xfe"])
def test_who_says_goodbye_behind_what_is_refused_is_dropped(first: bytes) -> None:
    async def run() -> None:
        service = Service(talk)
        client = service.connect()
        await service.send(client, UPGRADE)
        client.protocol._cuts.make(AT_ONCE - 30)
        await service.send(client, first + GOODBYE)
        assert client.end == "aborted"

    asyncio.run(run())


def test_a_websocket_that_was_dropped_is_lost_without_a_complaint() -> None:
    async def run() -> None:
        service = Service(talk)
        client = service.connect()
        await service.send(client, UPGRADE)
        client.protocol.drop()
        assert service.state.connections == set()
        client.protocol.connection_lost(None)
        assert service.state.connections == set()
        await service.turn()

    asyncio.run(run())


def test_the_server_has_an_event_loop_whose_reading_it_can_limit() -> None:
    """Where uvloop is installed uvicorn would take that, whose transports have no `max_size`."""
    assert Server(None, lambda: None).config.loop == "asyncio"
