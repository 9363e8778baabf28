"""What requests leave behind is written by a thread of its own, once a second, so that none of them waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import date, timedelta

from speakerid.db.asked import OK, Asked
from speakerid.db.repositories import access_log, keys
from speakerid.db.types import now
from speakerid.errors import Overloaded, StoreError
from speakerid.services.engine import Engine
from speakerid.types import AccessEvent, Key

logger = logging.getLogger(__name__)

PAUSE_S = 1.0
STOP_S = 5.0
PURGE_S = 3600.0
EVENTS = 100_000  # in memory while the store is away; the oldest are lost beyond that
AT_ONCE = 5_000  # in one transaction

Ended = tuple[Asked, str]  # a request, and its outcome


class Notes:
    """In memory until the bookkeeper takes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[str, date] = {}
        self.ended: deque[Ended] = deque(maxlen=EVENTS)  # requests that are not in the access log yet

    def used(self, key: Key) -> None:
        """The first time on a day; later ones change nothing."""
        today = now().date()
        if key.last_used_on != today:
            with self._lock:
                self._used[key.id] = today

    def take_used(self) -> dict[str, date]:
        """By key id, the last day of use that is to be written."""
        with self._lock:
            taken, self._used = self._used, {}
        return taken


class Bookkeeper:
    def __init__(self, engine: Engine, notes: Notes, access_log_days: int) -> None:
        self._engine, self._notes, self._days = engine, notes, access_log_days
        self._purged: float | None = None  # time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="bookkeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was noted until now is written first."""
        self._ending.set()
        self._thread.join(STOP_S)

    def turn(self) -> None:
        """Write what was noted. While the store is away, events wait; days of use the next request notes again."""
        while taken := [self._notes.ended.popleft() for _ in range(min(AT_ONCE, len(self._notes.ended)))]:
            try:
                with self._engine.write() as db:
                    access_log.add(db, [event for one in taken for event in _events(*one)])
            except Exception:
                self._notes.ended.extendleft(reversed(taken[: EVENTS - len(self._notes.ended)]))
                raise
        if used := self._notes.take_used():
            with self._engine.write() as db:
                for day in set(used.values()):
                    keys.note_use(db, [key_id for key_id in used if used[key_id] == day], day)

    def purge(self) -> None:
        """Forget events that are older than they are to be kept."""
        before = now() - timedelta(days=self._days)
        with self._engine.read() as db:
            there_are = access_log.older(db, before)
        if there_are:
            with self._engine.write() as db:
                access_log.purge(db, before)

    def _go_on(self) -> None:
        ended = False
        while not ended:
            ended = self._ending.wait(PAUSE_S)
            try:
                self.turn()
                if self._purged is None or time.monotonic() >= self._purged + PURGE_S:
                    self.purge()
                    self._purged = time.monotonic()
            except (StoreError, Overloaded) as error:
                logger.warning("the store is away: %s", error)
            except Exception as error:  # the next turn may go well
                logger.error("what requests left behind could not be written", exc_info=error)


def _events(asked: Asked, outcome: str) -> list[AccessEvent]:
    """One for each speaker it was about. A refusal is recorded without: the id it named may be of another gallery."""
    about: list[str | None] = [*asked.speaker_ids] if outcome == OK else []
    key_id = asked.key_id or ""
    return [
        AccessEvent(0, asked.at, key_id, asked.action, asked.gallery, speaker_id, outcome, asked.request_id)
        for speaker_id in about or [None]
    ]
