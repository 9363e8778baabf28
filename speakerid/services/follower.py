"""A thread of each process that stays open, which brings the indexes up to date while nobody searches.

A search brings its own gallery up to date, so no answer waits for this. But what others erased leaves this process's
memory and the machine's snapshots within a second, and the first search after a quiet hour has nothing to catch up
with.
"""

from __future__ import annotations

import logging
import threading

from speakerid.errors import Overloaded, StoreError
from speakerid.services.engine import Engine

logger = logging.getLogger(__name__)

PAUSE_S = 0.5
STORE_AWAY_S = 5.0
STOP_S = 5.0


class Follower:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(STOP_S)

    def _go_on(self) -> None:
        pause_s, seen = PAUSE_S, None
        while not self._ending.wait(pause_s):
            pause_s = STORE_AWAY_S
            try:
                revision = self._engine.database.revision()
                if revision is None or revision != seen:
                    self._engine.database.memory.forget()
                    for one in self._engine.each:
                        one.indexes.follow()
                pause_s, seen = PAUSE_S, revision
            except (StoreError, Overloaded) as error:
                logger.warning("the store is away: %s", error)
            except Exception as error:  # the next turn may go well
                logger.error("the indexes could not be brought up to date", exc_info=error)
