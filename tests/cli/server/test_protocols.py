"""Deadlines of connections, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from speakerid.api.limits import BYTES_PER_S, PATIENCE_S
from speakerid.cli.server.protocols import HEAD_BYTES, HEAD_S
from speakerid.cli.server.uvicorn_server import Server
from tests.cli.server.unconnected import HEAD, SMALL, App, Service, answer_at_once, answer_without_end, never_answer


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


def test_the_server_has_an_event_loop_whose_reading_it_can_limit() -> None:
    """Where uvloop is installed uvicorn would take that, whose transports have no `max_size`."""
    assert Server(None, lambda: None).config.loop == "asyncio"
