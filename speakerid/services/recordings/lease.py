"""Hold on to a job: a thread renews its lease and notices when it was lost or is to stop."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from speakerid.db.repositories import recordings
from speakerid.errors import Overloaded, StoreError
from speakerid.services.engine import Engine
from speakerid.services.recordings.save import Claimed
from speakerid.types import JobStage

logger = logging.getLogger(__name__)

RENEW_S = 1.0  # also how soon a cancellation is noticed
LEASE_S = recordings.LEASE.total_seconds()
# How far the work is where the length of a recording is not known.
BEGINS: dict[JobStage, float] = {"speech": 0.0, "clusters": 0.95, "names": 0.98}


class Stop(Exception):
    """The work on a job has to end: another has it, it was cancelled or erased, or this process is to end."""


class Lease:
    """Use it in a `with` block; give `watch` and `at` to the work, which they end by raising Stop."""

    def __init__(self, engine: Engine, job: Claimed, ending: threading.Event) -> None:
        self._engine = engine
        self._job = job
        self._ending = ending  # the process is to end
        self._lost = threading.Event()
        self._over = threading.Event()
        self._progress = 0.0
        self._measured = False  # the length of the recording is known
        self._stage: JobStage | None = None
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def watch(self, done: float, total: float | None) -> None:
        """Raises Stop."""
        if total:
            self._progress, self._measured = min(done / total, 1.0), True
        self._check()

    def at(self, stage: JobStage) -> None:
        """Raises Stop."""
        self._stage = stage
        if not self._measured:
            self._progress = max(self._progress, BEGINS[stage])
        self._check()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _check(self) -> None:
        if self._lost.is_set() or self._ending.is_set():
            raise Stop

    def _run(self) -> None:
        while not self._over.wait(RENEW_S):
            if not self._renew():
                self._lost.set()
                return

    def _renew(self) -> bool:
        try:
            with self._engine.write() as db:
                kept = recordings.renew(db, self._job.key, self._job.worker, self._progress, self._stage)
        except (StoreError, Overloaded) as error:
            logger.warning("the lease on a recording could not be renewed: %s", error)
            return time.monotonic() - self._renewed < LEASE_S
        self._renewed = time.monotonic()
        return kept
