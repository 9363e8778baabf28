"""The process that works on a server's recordings, below it in priority, and there only while there are any.

So they take neither Python's lock nor the encoder's thread from requests, and one that ends its process ends no server.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from speakerid.db.repositories import recordings
from speakerid.db.types import new_id
from speakerid.services.engine import Engine, Workload
from speakerid.services.recordings.worker import JobThreads, Worker, is_waiting

if TYPE_CHECKING:
    from speakerid.settings import Settings

logger = logging.getLogger(__name__)

NICENESS = 10  # a tenth of a core's time while the server wants all of it
IDLE_S = 60.0  # that it waits for the next recording: to begin costs 2 s of CPU time, to wait 200 to 400 MB
LOOK_S = 1.0
AGAIN_S = 5.0  # after it failed
LEAVE_S = 10.0  # to give back what it works on
COUNTED = ("decided", "decoded")  # what `Workload` counts


class RecordingProcess(JobThreads):
    """The server's end: a thread that starts the process when a recording waits, and counts what it did."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._changed = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        super().__init__({"recordings": self._turn} if settings.recording_workers else {})

    def stop(self) -> None:
        """What it works on waits again. Within `LEAVE_S`, and at once where this is interrupted."""
        self._ending.set()
        with self._changed:
            process = self._process
        if process is not None:
            process.terminate()
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LEAVE_S)
            finally:
                process.kill()  # whatever it does, also where it was stopped (SIGSTOP) and knows of no signal
        super().stop()

    def _turn(self, _worker: str) -> bool:
        if not is_waiting(self._engine):
            return False
        process_name = new_id("wrk")
        with self._started(process_name) as process:
            if process is None:
                return False
            assert process.stdout is not None
            for line in process.stdout:
                self._count(line)
        self._take_back(process_name, process.returncode)
        return True

    def _count(self, line: str) -> None:
        with suppress(ValueError, TypeError):  # half a line of a process that was killed
            name, *figures = json.loads(line)
            if name in COUNTED:
                getattr(self._engine.workload, name)(*figures)

    def _take_back(self, process_name: str, status: int) -> None:
        """What the process had is for the next one at once. Raises StoreError, Overloaded: then its lease runs out."""
        failed = status != 0 and not self._ending.is_set()
        if failed:
            logger.error("the process that works on recordings has failed (%d), and begins anew", status)
        with self._engine.write() as db:
            recordings.QUEUE.release(db, process_name, tried=failed)
        self._ending.wait(AGAIN_S if failed else 0.0)

    @contextmanager
    def _started(self, process_name: str) -> Iterator[subprocess.Popen[str] | None]:
        """None once the server is to end. The process never outlives the block."""
        with self._changed:
            if self._ending.is_set():
                yield None
                return
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(os.getpid()), process_name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment(),
                process_group=0,  # an interrupt at the terminal is the server's to handle
            )
        try:
            with self._process as process:
                yield process
        finally:
            with self._changed:
                self._process = None

    def _environment(self) -> dict[str, str]:
        """The server's, with what was given to it as options, or by Ray as arguments (ray_app.py)."""
        given = self._settings.model_dump(exclude_unset=True, exclude_none=True, exclude={"webhook_secret"})
        code = os.pathsep.join(os.path.abspath(place) for place in sys.path)
        return (
            os.environ | {f"SPEAKERID_{name.upper()}": str(one) for name, one in given.items()} | {"PYTHONPATH": code}
        )


class ToldWorkload(Workload):
    """Tells the server what there is to count."""

    def decided(self, verb: str, decision: str) -> None:
        _tell("decided", verb, decision)

    def decoded(self, seconds: float) -> None:
        _tell("decoded", seconds)


def _tell(name: str, *figures: str | float) -> None:
    with suppress(OSError):  # a server that is gone counts nothing, and what was worked on is done all the same
        sys.stdout.write(json.dumps([name, *figures]) + "\n")
        sys.stdout.flush()


def main(server: int, process_name: str) -> None:
    """The process's end: work until SIGTERM, until there is nothing to do, or until the server is gone.

    `server` is its process id, and `process_name` how it knows this process as a worker.
    """
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    from speakerid.bootstrap import build_engine, with_other_encoders
    from speakerid.cli.server.log_lines import set_up_log
    from speakerid.cli.server.tracing import collected
    from speakerid.db.erasure import BRIEFLY
    from speakerid.services.follower import Follower
    from speakerid.settings import read_settings

    settings = read_settings()
    with collected() as traces:
        set_up_log(settings.log_format, traces.ids)
        engine = build_engine(settings, effort=BRIEFLY, access="change", traces=traces)  # the server does the rest
        try:
            engine = with_other_encoders(replace(engine, workload=ToldWorkload()), settings)
            worker = Worker(engine, settings.recording_workers, clears=False, process=process_name)  # the server clears
            follower = Follower(engine)
            follower.start()
            worker.start()
            while not ending.wait(LOOK_S) and os.getppid() == server and worker.idle_s() < IDLE_S:
                pass
            worker.stop()
            follower.stop()
        finally:
            engine.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
