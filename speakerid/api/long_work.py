"""Long work inside requests, such as an audit: a few at a time and a few callers behind them, the others are refused.

It has threads of its own. In the pool that serves every request it would stop them all, and each piece of it takes
about 100 MB: as many at a time as there are threads would take all the memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from speakerid.api.auth import caller
from speakerid.api.limits import Shares
from speakerid.errors import LongWorkFull
from speakerid.types import Key

T = TypeVar("T")


class LongWork:
    """`running` at a time and `waiting` behind them."""

    def __init__(self, running: int, waiting: int) -> None:
        self._places = Shares(running + waiting, full=LongWorkFull)
        self._turns = anyio.Semaphore(running)

    @property
    def held(self) -> int:
        """How many run or wait."""
        return self._places.total

    async def run(self, request: Request, key: Key | None, work: Callable[[], T], *, read: bool = False) -> T:
        """What `work` gives, done in a thread. Callers are distinguished by key, and without one by network.

        `read`: the request's body was taken.

        Raises LongWorkFull, ClientDisconnect for one who goes while it waits, what reading its body raises, and what
        `work` raises.
        """
        if not read:
            await _skip_body(request)  # from here on nothing but a disconnect can come
        with self._places.place(caller(request, key)):
            async with self._turn(request):
                return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))

    @asynccontextmanager
    async def _turn(self, request: Request) -> AsyncIterator[None]:
        """Raises ClientDisconnect for a caller who went while it waited."""
        mine = False
        async with anyio.create_task_group() as group:
            group.start_soon(_cancelled_when_gone, request, group.cancel_scope)
            await self._turns.acquire()
            mine = True
            group.cancel_scope.cancel()
        if not mine:
            raise ClientDisconnect
        try:
            yield
        finally:
            self._turns.release()


def galleries() -> LongWork:
    """For work on all of a gallery, such as an audit: half a minute and 100 MB each."""
    return LongWork(running=1, waiting=4)


def results() -> LongWork:
    """For what came out of recordings: 0.8 s and 30 MB where 12 hours were talked, much less as a rule."""
    return LongWork(running=2, waiting=30)


def audio() -> LongWork:
    """For decoding kept recordings: an hour of Opus takes seconds."""
    return LongWork(running=2, waiting=30)


def audio_work(request: Request) -> LongWork:
    found: LongWork = request.app.state.audio_work
    return found


def transcriptions(running: int) -> LongWork:
    """For transcriptions: on one core a tenth of the audio's length with the smallest model, more than it with large
    ones."""
    return LongWork(running=running, waiting=16)


def exports() -> Shares:
    """Galleries that are sent as files: each holds a read of the store open, which SQLite's log grows behind."""
    return Shares(2, full=LongWorkFull)


def export_places(request: Request) -> Shares:
    found: Shares = request.app.state.exports
    return found


def gallery_work(request: Request) -> LongWork:
    found: LongWork = request.app.state.gallery_work
    return found


def result_work(request: Request) -> LongWork:
    found: LongWork = request.app.state.result_work
    return found


def transcription_work(request: Request) -> LongWork:
    found: LongWork = request.app.state.transcription_work
    return found


async def _skip_body(request: Request) -> None:
    async for _ in request.stream():
        pass


async def _cancelled_when_gone(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
