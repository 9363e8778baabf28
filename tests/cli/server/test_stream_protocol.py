"""WebSockets before the service sees them: how many wait, what is refused, and how."""

from __future__ import annotations

import asyncio

import pytest

from speakerid.cli.server.connections import AT_ONCE
from speakerid.cli.server.protocols import GREETING, GREETING_S
from tests.cli.server.unconnected import GOODBYE, MESSAGE, UPGRADE, Service, close_at_once, talk


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


def test_a_text_that_is_not_utf_8_before_or_after_the_conversation_hurts_nobody() -> None:
    async def run() -> None:
        service = Service(talk)
        hasty = service.connect()
        hasty.protocol.data_received(UPGRADE)  # not yet answered
        await service.send(hasty, MESSAGE[:-2] + b"\xff\xfe")
        assert hasty.end == "aborted"
        service = Service(close_at_once)
        late = service.connect()
        await service.send(late, UPGRADE)
        goodbye = late.written
        await service.send(late, MESSAGE[:-2] + b"\xff\xfe")
        assert (late.written, late.end) == (goodbye, "")

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
