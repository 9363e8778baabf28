"""Threads that work on the recordings of a store, in a server or in a process of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from speakerid.db.types import new_id
from speakerid.errors import StoreError
from speakerid.services.engine import Engine
from speakerid.services.recordings import erase, notify, run
from speakerid.services.recordings.notify import Notice

logger = logging.getLogger(__name__)

IDLE_S = 1.0  # between two looks into an empty queue
STORE_AWAY_S = 5.0
STOP_S = 30.0


class Worker:
    """`jobs` recordings at a time, one thread that calls webhooks, and one that clears up: the last also for 0 jobs."""

    def __init__(self, engine: Engine, jobs: int, notice: Notice) -> None:
        self._engine = engine
        self._sender = notify.Sender(engine, notice)
        self._ending = threading.Event()
        names = [f"recordings-{nth}" for nth in range(jobs)]
        self._threads = [self._thread(name, self._work) for name in names]
        if jobs:
            self._threads.append(self._thread("webhooks", self._send))
        self._threads.append(self._thread("leftovers", self._clear))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What is worked on waits again, for another process."""
        self._ending.set()
        for thread in self._threads:
            thread.join(STOP_S)
        self._sender.close()

    def _thread(self, name: str, turn: Callable[[str], bool]) -> threading.Thread:
        return threading.Thread(target=self._go_on, args=(turn,), name=name, daemon=True)

    def _go_on(self, turn: Callable[[str], bool]) -> None:
        worker = new_id("wrk")
        while not self._ending.is_set():
            try:
                pause_s = 0.0 if turn(worker) else IDLE_S
            except StoreError as error:
                logger.warning("the store is away: %s", error)
                pause_s = STORE_AWAY_S
            except Exception as error:  # the next turn may go well; whatever job this was has ended or its lease will
                logger.error("a worker failed", exc_info=error)
                pause_s = STORE_AWAY_S
            self._ending.wait(pause_s)

    def _work(self, worker: str) -> bool:
        """Whether there was a job."""
        row = run.claim(self._engine, worker)
        if row is not None:
            run.run(self._engine, row, self._ending)
        return row is not None

    def _send(self, worker: str) -> bool:
        return self._sender.turn()

    def _clear(self, worker: str) -> bool:
        """Hours of audio are erased for seconds, which no webhook waits for."""
        erase.leftovers(self._engine)
        return False
