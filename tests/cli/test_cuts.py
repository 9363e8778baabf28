"""A client that cuts what it sends into the smallest of pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from speakerid.cli.server.connections import AT_ONCE, BODY_CUTS_PER_S, BYTES, STREAM_CUTS_PER_S, Cuts
from tests.cli.test_protocols import (
    HEAD,
    MESSAGE,
    UPGRADE,
    App,
    Service,
    Transport,
    answer_at_once,
    answer_without_end,
    never_answer,
    talk,
)

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PING = b"\x89\x80\0\0\0\0"
EMPTY = b"\x82\x80\0\0\0\0"
BEGINNING = b"\x02\x82\0\0\0\0aa"  # of a message in several frames
MORE = b"\x00\x80\0\0\0\0"


async def answer_early(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body"})


async def begun(service: Service, *sent: bytes) -> Transport:
    client = service.connect()
    for one in sent:
        await service.send(client, one)
    assert client.end == ""
    return client


def test_a_body_in_chunks_of_a_byte_is_refused() -> None:
    async def run() -> None:
        service = Service(never_answer)
        client = await begun(service, CHUNKED)
        await service.send(client, b"1\r\na\r\n" * 2 * AT_ONCE)
        assert client.written.startswith(b"HTTP/1.1 400 ")
        assert client.end == "closed"

    asyncio.run(run())


def test_a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_taken_for_a_request() -> None:
    async def run() -> None:
        service = Service(answer_at_once)
        client = service.connect()
        behind = b"GET /x HTTP/1.1\r\nHost: here\r\n\r\n"
        await service.send(client, HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + behind)
        assert client.written.startswith(b"HTTP/1.1 400 ")
        assert client.written.count(b"HTTP/1.1") == 1
        assert client.end == "closed"

    asyncio.run(run())


@pytest.mark.parametrize("app", [answer_at_once, answer_without_end, answer_early, never_answer])
def test_a_body_that_turns_out_broken_ends_without_a_complaint(app: App, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        service = Service(app)
        client = await begun(service, CHUNKED + b"1\r\na\r\n")
        answered = bool(client.written)
        await service.send(client, b"no number\r\n")
        assert client.end == ("aborted" if answered else "closed")
        assert client.written.count(b"HTTP/1.1 ") == 1
        assert client.written.startswith(b"HTTP/1.1 400 ") is not answered
        assert [one.levelname for one in caplog.records] == ["WARNING"]

    asyncio.run(run())


@pytest.mark.parametrize("size", [BYTES, 4096])
def test_a_body_in_ordinary_chunks_passes_however_long_it_is(size: int) -> None:
    async def run() -> None:
        service = Service(never_answer)
        client = await begun(service, CHUNKED)
        chunk = f"{size:x}\r\n".encode() + bytes(size) + b"\r\n"
        for _ in range(100):
            await service.send(client, chunk * (65_536 // len(chunk)))
            client.protocol.cycle.body = b""  # read by the service
        assert client.written == b""

    asyncio.run(run())


@pytest.mark.parametrize("frames", [[PING], [EMPTY], [b"\x8a\x80\0\0\0\0"], [BEGINNING, MORE]])
def test_a_flood_of_the_smallest_frames_is_cut_off(frames: list[bytes]) -> None:
    async def run() -> None:
        service = Service(talk)
        client = await begun(service, UPGRADE, MESSAGE)
        await service.send(client, frames[0] + frames[-1] * 2 * AT_ONCE)
        assert client.end == "aborted"

    asyncio.run(run())


def test_a_stream_of_small_packets_goes_on_for_hours() -> None:
    async def run() -> None:
        service = Service(talk)
        client = await begun(service, UPGRADE, MESSAGE)
        for _ in range(60):
            service.now += 1.0
            await service.send(client, (b"\x82\x8a\0\0\0\0" + bytes(10)) * 1_000)
        assert client.end == ""

    asyncio.run(run())


@pytest.mark.parametrize("per_s", [BODY_CUTS_PER_S, STREAM_CUTS_PER_S])
def test_time_buys_no_more_than_a_connection_has_at_first(per_s: float) -> None:
    now = [0.0]
    cuts = Cuts(lambda: now[0], per_s)
    assert cuts.make(AT_ONCE)
    assert not cuts.make(1)
    now[0] += 86_400.0
    cuts.bring(0)
    assert cuts.make(AT_ONCE)
    assert not cuts.make(1)
