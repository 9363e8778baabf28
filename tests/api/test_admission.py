"""As many are let in as can be answered in time; others are told when to come back, before their bodies are read."""

from __future__ import annotations

import anyio
import pytest
from fastapi.testclient import TestClient

from speakerid.api.admission import ARRIVING_S, Admission
from speakerid.api.bodies import Bodies
from speakerid.errors import Overloaded
from tests.api.asking import DEFAULT, refused
from tests.api.conftest import ClientMaker
from tests.sampled import ADA, probe

IDENTIFY = f"{DEFAULT}/identify"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def let_in(admission: Admission, count: int) -> list[object]:
    requests = [object() for _ in range(count)]
    for one in requests:
        admission.enter(one)
    return requests


async def work(admission: Admission, clock: Clock, count: int, each_s: float) -> None:
    """`count` requests, one after the other, each of which takes so long."""
    for _ in range(count):
        (one,) = let_in(admission, 1)
        await admission.turn(one)
        clock.now += each_s
        admission.leave(one)


def test_as_many_are_let_in_as_are_answered_in_time(clock: Clock) -> None:
    admission = Admission(2.0, at_a_time=2, clock=clock)

    async def ask() -> None:
        await work(admission, clock, 5, 0.5)
        let_in(admission, 1 + 4 + 1)  # one place is left, then four wait for 2 s at most, and one for a little more
        with pytest.raises(Overloaded) as told:
            let_in(admission, 1)
        assert told.value.retry_after_s == 1

    anyio.run(ask)


def test_the_time_to_come_back_is_when_there_will_be_room(clock: Clock) -> None:
    admission = Admission(9.0, at_a_time=1, clock=clock)

    async def ask() -> None:
        for one in let_in(admission, 2):  # whose answers are the first, so that nothing is known before
            with anyio.CancelScope():
                await work(admission, clock, 1, 10.0)
            admission.leave(one)
        let_in(admission, 1)
        with pytest.raises(Overloaded) as told:
            let_in(admission, 1)
        assert told.value.retry_after_s == 1  # 10 s to wait are 1 s too many

    anyio.run(ask)


def test_who_finds_a_free_place_is_let_in_however_long_answers_took(clock: Clock) -> None:
    admission = Admission(1.0, at_a_time=2, clock=clock)

    async def ask() -> None:
        await work(admission, clock, 3, 60.0)
        let_in(admission, 2)
        with pytest.raises(Overloaded) as told:
            let_in(admission, 1)
        assert told.value.retry_after_s == 59

    anyio.run(ask)


def test_bodies_that_come_slowly_keep_nobody_out(clock: Clock) -> None:
    admission = Admission(1.0, at_a_time=1, clock=clock)

    async def ask() -> None:
        await work(admission, clock, 3, 60.0)
        let_in(admission, 1)
        clock.now += ARRIVING_S
        let_in(admission, 1)

    anyio.run(ask)


def test_no_more_are_worked_on_at_a_time_than_there_are_places_in_the_order_they_came(clock: Clock) -> None:
    admission, begun = Admission(1.0, at_a_time=1, clock=clock), list[int]()

    async def request(nth: int, one: object) -> None:
        await admission.turn(one)
        begun.append(nth)
        await anyio.sleep(0)
        assert len(begun) == nth + 1
        admission.leave(one)

    async def ask() -> None:
        async with anyio.create_task_group() as group:
            for nth, one in enumerate(let_in(admission, 3)):
                group.start_soon(request, nth, one)

    anyio.run(ask)
    assert begun == [0, 1, 2]


@pytest.mark.parametrize("path", [IDENTIFY, "/hf/default"])
def test_a_full_server_refuses_before_the_key_and_the_body_are_looked_at(open_client: ClientMaker, path: str) -> None:
    client: TestClient = open_client()

    def full(_: object) -> None:
        raise Overloaded(7)

    bodies = _bodies(client)
    before, bodies.admission.enter = bodies.admission.enter, full  # type: ignore[attr-defined]  # a method, replaced for a moment
    answer = client.post(path, content=b"never read", headers={"Authorization": "Bearer wrong"})
    refused(answer, 429, "overloaded")
    assert answer.headers["retry-after"] == "7"
    assert client.get("/healthz").status_code == 200
    bodies.admission.enter = before  # type: ignore[attr-defined]  # as above
    assert client.post(path, content=probe(ADA)).status_code == 200


def _bodies(client: TestClient) -> object:
    """The middleware that bodies pass, once the first request has built it."""
    client.get("/healthz")
    layer = client.app.middleware_stack  # type: ignore[attr-defined]  # a FastAPI
    while type(layer).__name__ != Bodies.__name__:
        layer = getattr(layer, "_app", None) or layer.app
    return layer
