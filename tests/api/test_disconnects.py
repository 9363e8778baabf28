"""Decoding for a client that has gone ends."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.types import Message, Receive, Scope, Send

from speakerid.api.middleware import DisconnectWatch
from speakerid.audio.cancellation import check_not_cancelled
from speakerid.errors import ClientGone

POST: Scope = {"type": "http", "method": "POST"}
BODY: Message = {"type": "http.request", "body": b"audio", "more_body": False}


class Decoding:
    """An application that reads the body, then works in a thread until nobody waits, at most for a second."""

    def __init__(self) -> None:
        self.ended: type[BaseException] | None = None
        self.last: Message = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        try:
            await asyncio.to_thread(self._work)
        except ClientGone as error:
            self.ended = type(error)
            self.last = await receive()

    def _work(self) -> None:
        for _ in range(100):
            check_not_cancelled()
            threading.Event().wait(0.01)


def run(*messages: Message) -> Decoding:
    app, left = Decoding(), list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(DisconnectWatch(app)(POST, receive, send))
    return app


@pytest.mark.parametrize("before", [[BODY], [{**BODY, "more_body": True}, BODY]])
def test_a_client_that_disconnects_ends_the_work(before: list[Message]) -> None:
    app = run(*before, {"type": "http.disconnect"})
    assert app.ended is ClientGone
    assert app.last == {"type": "http.disconnect"}


def test_a_client_that_waits_is_worked_for() -> None:
    assert run(BODY).ended is None
