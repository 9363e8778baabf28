"""The service in a process of its own, on one core, which adds up what each request takes, part by part.

    python -m benchmarks.requests.served STORE [--plain]

Prints its URL. Every line on stdin is answered by a line of JSON: what each request since the line before took, in
nanoseconds by part, and what all of them took together. `--plain`: nothing is wrapped, only that sum is there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from benchmarks.requests.tracing import CHILD, RECEIVE, REST, ROUTE, PartClock, children_ns, descendants, trace
from speakerid.api.app import create_app
from speakerid.audio.children import pool
from speakerid.bootstrap import build_engine
from speakerid.cli.serve import _warm_up
from speakerid.cli.server.child_server import ANNOUNCEMENT
from speakerid.cli.server.uvicorn_server import Server, bind
from speakerid.services.bookkeeping import Bookkeeper
from speakerid.settings import Settings

ENCODER = "bundled"


class RequestLedger:
    """Around the whole application: what each request took, from the end of the one before to its own."""

    def __init__(self, app: Any, clock: PartClock) -> None:
        self._app, self._clock, self.state = app, clock, app.state
        self.requests: list[dict[str, int]] = []
        self._children: list[int] = []
        self._before = self._readings()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        outside_ns = time.thread_time_ns() - self._on_loop
        try:
            with self._clock.within(ROUTE):
                await self._app(scope, receive, send)
        finally:
            self._end(outside_ns)

    def begin(self) -> None:
        """Forget what was."""
        self._children = descendants(os.getpid())
        self._clock.take()
        self.requests, self._before = [], self._readings()

    def _readings(self) -> tuple[int, int]:
        self._on_loop = time.thread_time_ns()
        return time.process_time_ns(), children_ns(self._children)

    def _end(self, outside_ns: int) -> None:
        parts, now = self._clock.take(), self._readings()
        own, children = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now
        rest = own - outside_ns - sum(parts.values())
        self.requests.append(parts | {RECEIVE: outside_ns, CHILD: children, REST: rest})


def answer_spent(ledger: RequestLedger | None = None) -> None:
    """To the end of stdin, and of this process."""

    def spent() -> int:
        return time.process_time_ns() + children_ns(descendants(os.getpid()))

    before = spent()
    for _ in sys.stdin:
        answer = {"requests": ledger.requests if ledger else [], "all_ns": spent() - before}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if ledger is not None:
            ledger.begin()
        before = spent()
    os._exit(0)


def main() -> None:
    store, plain = sys.argv[1], "--plain" in sys.argv
    settings = Settings(store=store, encoder=ENCODER)
    clock = PartClock()
    if not plain:
        trace(clock)
    engine = build_engine(settings)
    pool.warm()
    _warm_up(engine)
    app = create_app(engine, settings)
    bookkeeper = Bookkeeper(engine, app.state.notes, settings.access_log_days)
    bookkeeper.start()
    ledger = RequestLedger(app, clock)
    with bind("127.0.0.1", 0) as listener:

        def announce() -> None:
            sys.stdout.write(f"{ANNOUNCEMENT}{listener.url}\n")
            sys.stdout.flush()
            threading.Thread(target=answer_spent, args=(ledger,), daemon=True).start()

        served: Any = app if plain else ledger
        server = Server(served, announce)
        server.config.app = served
        server.run_on(listener)


if __name__ == "__main__":
    main()
