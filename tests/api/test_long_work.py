"""Audits and calibrations wait for each other, never identify for them; who finds no place gets a time to come back."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect
from starlette.types import Message

from speakerid.api.long_work import LongWork
from speakerid.db.types import now
from speakerid.errors import LongWorkFull
from speakerid.services import audit
from speakerid.types import Key
from tests.api.asking import DEFAULT, enrolled, identify, refused
from tests.api.conftest import Scoped
from tests.sampled import ADA, probe
from tests.waiting import PATIENCE_S

AUDIT, CALIBRATE = f"{DEFAULT}/audit", f"{DEFAULT}/calibrate"
EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}
KEY = Key("key_a", "test", ("admin",), (), now())


@dataclass
class SlowAudit:
    """Waits while `end` is not set, and notes how many run at a time."""

    end: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, engine: Any, gallery: Any, cursor: str | None = None) -> Any:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.set()
        assert self.end.wait(PATIENCE_S)
        with self._lock:
            self.running -= 1
        return REAL_AUDIT(engine, gallery, cursor)


REAL_AUDIT = audit.audit


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowAudit:
    made = SlowAudit()
    monkeypatch.setattr(audit, "audit", made)
    return made


@contextmanager
def many(ask: Callable[[], Any], slow: SlowAudit, count: int) -> Iterator[list[Future[Any]]]:
    """`count` requests at once, of which those that were let in wait until the block ends."""
    with ThreadPoolExecutor(count) as pool:
        try:
            yield [pool.submit(ask) for _ in range(count)]
        finally:
            slow.end.set()


def answered(asked: list[Future[Any]], count: int) -> list[Any]:
    """The first `count` answers."""
    done = threading.Semaphore(0)
    for one in asked:
        one.add_done_callback(lambda _: done.release())
    assert all(done.acquire(timeout=PATIENCE_S) for _ in range(count))
    return [one.result() for one in asked if one.done()]


def test_41_audits_beside_identifies(client: TestClient, slow: SlowAudit) -> None:
    """One caller gets two of the places: one audit runs, one waits, 39 are refused at once."""
    enrolled(client, ADA)
    with many(lambda: client.post(AUDIT), slow, 41) as asked:
        for answer in answered(asked, 39):
            refused(answer, 429, "long_work_full")
            assert int(answer.headers["retry-after"]) > 0
        refused(client.post(CALIBRATE), 429, "long_work_full")
        for _ in range(5):
            assert identify(client, probe(ADA))["decision"] == "accept"
    assert Counter(one.result().status_code for one in asked) == {429: 39, 200: 2}
    assert slow.most == 1
    assert client.post(AUDIT).status_code == 200


def test_one_key_does_not_take_the_places_of_the_others(client: TestClient, slow: SlowAudit, key: Scoped) -> None:
    greedy, modest = key("enroll"), key("enroll")
    with many(lambda: client.post(AUDIT, headers=greedy), slow, 10) as asked:
        answered(asked, 8)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: client.post(AUDIT, headers=modest))
            refused(client.post(AUDIT, headers=greedy), 429, "long_work_full")
            slow.end.set()
            assert waiting.result().status_code == 200


def test_a_body_that_no_audit_needs_is_still_bounded(client: TestClient, slow: SlowAudit) -> None:
    refused(client.post(AUDIT, content=bytes(2 * 1024 * 1024)), 413, "file_too_large")
    assert not slow.begun.is_set()


class Caller(Request):
    """Somebody who is there until `gone`."""

    def __init__(self, address: str = "10.0.0.1") -> None:
        self.gone = asyncio.Event()
        self._sent = [EMPTY]
        super().__init__({"type": "http", "client": (address, 1), "headers": []}, self._message)

    async def _message(self) -> Any:
        if self._sent:
            return self._sent.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}


def test_a_caller_who_goes_while_it_waits_leaves_its_place() -> None:
    end, begun = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        assert end.wait(PATIENCE_S)
        return "done"

    async def story() -> None:
        pool, first, second = LongWork(running=1, waiting=1), Caller(), Caller()
        runs = asyncio.create_task(pool.run(first, KEY, work))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        waits = asyncio.create_task(pool.run(second, None, work))
        await asyncio.sleep(0)
        with pytest.raises(LongWorkFull):
            await pool.run(Caller("10.0.0.2"), None, work)
        second.gone.set()
        with pytest.raises(ClientDisconnect):
            await waits
        third = asyncio.create_task(pool.run(Caller("10.0.0.2"), None, work))
        end.set()
        assert await runs == await third == "done"

    asyncio.run(story())


def test_who_fails_leaves_its_place() -> None:
    def fail() -> None:
        raise ValueError("of this work alone")

    async def story() -> None:
        pool = LongWork(running=1, waiting=0)
        for _ in range(3):
            with pytest.raises(ValueError, match="alone"):
                await pool.run(Caller(), None, fail)

    asyncio.run(story())
