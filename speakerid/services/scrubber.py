"""A thread of a server or worker that does in the background what keeps a SQLite store's files in order."""

from __future__ import annotations

import logging
import threading
import time

from speakerid.db.erasure import Effort
from speakerid.db.repositories import changes
from speakerid.errors import Overloaded, StoreError
from speakerid.services.engine import Engine

logger = logging.getLogger(__name__)

LOOK_S = 1.0
REST = 5.0  # times as long as the last pass took: at most a sixth of the time goes into it
STORE_AWAY_S = 5.0
IN_BACKGROUND = Effort(600.0)
STOP_S = 2.0  # what is not done then is done at the next start


class Scrubber:
    """Finishes erasures, and brings what was committed from the log to the file, where a copy would have it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="scrubber", daemon=True)

    def start(self) -> None:
        if self._engine.database.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _go_on(self) -> None:
        pause_s = 0.0
        while not self._ending.wait(pause_s):
            try:
                pause_s = self._turn()
            except (StoreError, Overloaded) as error:
                logger.warning("the store is away: %s", error)
                pause_s = STORE_AWAY_S
            except Exception as error:  # the next turn may go well
                logger.error("the store's files could not be cleaned", exc_info=error)
                pause_s = STORE_AWAY_S

    def _turn(self) -> float:
        """Seconds to rest."""
        with self._engine.read() as db:
            pending = changes.erasures_pending(db)
        if not pending:
            self._engine.database.checkpoint()
            return LOOK_S
        began = time.monotonic()
        self._engine.scrub(IN_BACKGROUND)
        return max(LOOK_S, REST * (time.monotonic() - began))
