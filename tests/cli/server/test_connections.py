"""Which connections go, and how finely bodies and frames may be cut."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest

from speakerid.cli.server.connections import (
    AT_ONCE,
    BATCH,
    BODY_CUTS_PER_S,
    BYTES,
    FEWEST,
    MOST,
    RESERVED_FILES,
    STREAM_CUTS_PER_S,
    Cuts,
    Standing,
    allowed_connections,
    in_order,
    make_room,
)
from speakerid.errors import SettingsError
from tests.cli.server.test_protocols import (
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


def order(*standings: Standing) -> list[Standing]:
    return in_order(standings)


def test_the_one_that_waited_longest_for_its_request_goes_first() -> None:
    short, long = Standing("a", "waiting", 2.0), Standing("a", "waiting", 9.0)
    sending, reading = Standing("a", "receiving", 60.0, 10), Standing("a", "answering", 60.0)
    working = Standing("a", "working", 900.0)
    assert order(working, reading, sending, short, long) == [long, short, sending, reading]


def test_who_has_just_come_goes_after_whoever_has_not() -> None:
    crowd = [Standing("a", "waiting", 0.1) for _ in range(5)]
    old = Standing("b", "waiting", 1.5)
    assert order(*crowd, old)[0] == old


def test_a_network_with_many_connections_gives_before_one_with_few() -> None:
    many = [Standing("many", "waiting", float(number + 2)) for number in range(5)]
    few = Standing("few", "waiting", 60.0)
    assert order(few, *many) == [*reversed(many), few]


def test_of_those_that_send_the_slowest_goes_first_not_the_longest() -> None:
    long, slow = Standing("a", "receiving", 600.0, 10**9), Standing("a", "receiving", 20.0, 20 * 1024)
    assert order(long, slow) == [slow, long]


class Crowd:
    """Connections that note that they were dropped."""

    def __init__(self, **phases: int) -> None:
        self.gone: list[str] = []
        self.standings = [
            Standing("a", phase, 5.0, drop=lambda phase=phase: self.gone.append(phase))  # type: ignore[arg-type,misc]  # its default is what the loop has now
            for phase, count in phases.items()
            for _ in range(count)
        ]


@pytest.mark.parametrize(
    ("crowd", "limit", "gone"),
    [
        (Crowd(waiting=9), 10, []),
        (Crowd(waiting=10), 10, ["waiting"]),
        (Crowd(waiting=100, receiving=60), 160, ["waiting"] * (160 // BATCH)),
        (Crowd(waiting=2, receiving=158), 160, ["waiting"] * 2),  # more of them than need to, but of no others
        (Crowd(receiving=10), 10, ["receiving"]),
        (Crowd(working=9, answering=1), 10, ["answering"]),
        (Crowd(working=10), 10, []),
    ],
)
def test_room_is_made(crowd: Crowd, limit: int, gone: list[str]) -> None:
    assert make_room(crowd.standings, limit) is (limit > len(crowd.standings) or gone != [])
    assert crowd.gone == gone


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limit of this process as it would be, newest last."""
    limits = [(1024, 1024)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    return limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "connections"),
    [
        (1024, 1024, 1024, 1024 - RESERVED_FILES),
        (1024, 1_048_576, MOST + RESERVED_FILES, MOST),
        (256, 2000, 2000, 2000 - RESERVED_FILES),
        (1024, resource.RLIM_INFINITY, MOST + RESERVED_FILES, MOST),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY, MOST),
        (100_000, 100_000, 100_000, MOST),
    ],
)
def test_connections_stay_below_the_files_that_may_be_open(
    files: list[tuple[int, int]], soft: int, hard: int, raised: int, connections: int
) -> None:
    files.append((soft, hard))
    assert allowed_connections() == connections
    assert files[-1] == (raised, hard)


def test_too_few_files_for_a_service_are_a_sentence(files: list[tuple[int, int]]) -> None:
    files.append((256, 256))
    with pytest.raises(SettingsError, match="ulimit"):
        allowed_connections()
    files.append((FEWEST + RESERVED_FILES, FEWEST + RESERVED_FILES))
    assert allowed_connections() == FEWEST


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
        assert client.finished
        assert client.written.endswith(b"messages_too_small")

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
