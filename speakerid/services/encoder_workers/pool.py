"""The encoder processes of a service: lent to one recording at a time, and replaced when they end.

A crash, or a process that hangs, costs the recording that it worked on. One that ends soon after its start is begun
anew after a while, which grows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from speakerid.audio.children.wire import TICK_S, Gone
from speakerid.audio.decode import unasked
from speakerid.audio.limits import check_not_cancelled
from speakerid.errors import EncoderWorkerLost, EncoderWorkersFailed, Overloaded, SpeakeridError
from speakerid.services.encoder_workers.wire import EncoderJob, WorkerSetup
from speakerid.services.encoder_workers.worker import EncoderProcess, Hung
from speakerid.services.engine import UNTRACED, Traces, WorkersState
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions

logger = logging.getLogger(__name__)

SILENCE_S = 120.0  # of a process at work: the longest recording takes some seconds, a costly file less than 60
WAIT_S = 60.0  # for a process
STEADY_S = 60.0  # one that lived so long was not broken from the start
LONGEST_PAUSE_S = 30.0  # before another is started


class EncoderWorkerPool:
    """`count` processes with encoders of these `fingerprints`; `max_waiting` recordings may wait for one.

    They start at once. Safe to share between threads.
    """

    def __init__(
        self,
        count: int,
        setup: WorkerSetup,
        fingerprints: Sequence[str],
        *,
        max_waiting: int = 64,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._count, self._setup, self._fingerprints = count, setup, tuple(fingerprints)
        self._max_waiting, self._silence_s = max_waiting, silence_s
        self._changed = threading.Condition()
        self._running: set[EncoderProcess] = set()  # those that still load, too
        self._ready: set[EncoderProcess] = set()
        self._idle: list[EncoderProcess] = []
        self._lent: set[EncoderProcess] = set()
        self._failure: SpeakeridError | None = None  # of the first start
        self._waiting = self._replaced = 0
        self._last_success: float | None = None  # time.monotonic()
        self._closing = threading.Event()
        self._keepers = [
            threading.Thread(target=self._keep, name=f"encoder {nth}", daemon=True) for nth in range(count)
        ]
        for one in self._keepers:
            one.start()

    def wait_until_ready(self) -> None:
        """Raises EncoderWorkersFailed, EncoderError, ModelDamaged."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or len(self._ready) == self._count)
            if self._failure is not None:
                raise self._failure

    def serves(self, fingerprint: str) -> bool:
        return fingerprint in self._fingerprints

    def embedded(
        self,
        audio: bytes,
        options: ProbeOptions,
        fingerprint: str,
        traces: Traces = UNTRACED,
        decoded: Callable[[float], None] = unasked,
    ) -> EmbeddedUtterance:
        """As `EncoderWorkers.embedded`. Raises what `embed_speech` does, EncoderWorkerLost, Overloaded, ClientGone."""
        job = EncoderJob(fingerprint, options, steps=traces is not UNTRACED)
        with traces.step("wait"):
            process = self._take()
        try:
            found = process.embedded(job, audio, traces.step, decoded)
        except Gone as error:
            if isinstance(error, Hung):
                logger.error("encoder process %d gave no answer for %g s, and is ended", process.pid, error.args[0])
            raise EncoderWorkerLost from None
        finally:
            self._give(process)
        if found.embedding is not None:
            self._last_success = time.monotonic()
        return found

    def state(self) -> WorkersState:
        with self._changed:
            last = self._last_success
            return WorkersState(
                wanted=self._count,
                ready=len(self._ready),
                busy=len(self._lent),
                waiting=self._waiting,
                replaced=self._replaced,
                last_success_age_s=None if last is None else time.monotonic() - last,
            )

    def close(self) -> None:
        """Ends them all."""
        with self._changed:
            self._closing.set()
            running = list(self._running)
            self._changed.notify_all()
        for process in running:
            process.end()
        for one in self._keepers:
            one.join()

    def _take(self) -> EncoderProcess:
        until = time.monotonic() + WAIT_S
        with self._changed, self._place():
            while not self._idle:
                self._changed.wait(TICK_S)
                check_not_cancelled()
                if time.monotonic() > until or self._closing.is_set():
                    raise Overloaded
            process = self._idle.pop()
            self._lent.add(process)
            return process

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._waiting >= self._max_waiting:
            raise Overloaded
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _give(self, process: EncoderProcess) -> None:
        """What is not fit is ended, and then replaced by its keeper."""
        with self._changed:
            self._lent.discard(process)
            kept = process.fit and process in self._ready
            if kept:
                self._idle.append(process)
                self._changed.notify()
        if not kept:
            process.kill()
            process.close()

    def _keep(self) -> None:
        """Have one process, in a thread of its own, until the pool closes."""
        pauses = _pauses()
        while not self._closing.is_set():
            began = time.monotonic()
            how = self._run_or_log()
            if time.monotonic() - began > STEADY_S:
                pauses = _pauses()
            pause_s = next(pauses)
            if not self._closing.is_set():
                logger.error("an encoder process ended: %s; another starts in %g s", how, pause_s)
            if not self._closing.wait(pause_s):
                with self._changed:
                    self._replaced += 1

    def _run_or_log(self) -> str:
        """As `_run_one`; what nobody foresaw ends one process, not the thread that replaces it."""
        try:
            return self._run_one()
        except Exception as error:
            logger.error("an encoder process could not be kept", exc_info=error)
            return self._failed(EncoderWorkersFailed("an error that the log has."))

    def _run_one(self) -> str:
        """Start a process and wait for its end: how it ended."""
        try:
            with self._changed:
                if self._closing.is_set():
                    return ""
                process = EncoderProcess(self._setup, self._silence_s)
                self._running.add(process)
        except OSError as error:
            return self._failed(EncoderWorkersFailed(f"{error.strerror}."))
        try:
            self._load(process)
            return process.wait()
        except SpeakeridError as error:
            return self._failed(error)
        finally:
            with self._changed:
                self._ready.discard(process)
                self._idle = [one for one in self._idle if one is not process]
                lent = process in self._lent  # whose thread reads from it, and then closes it
            process.end()
            if not lent:
                process.close()
            with self._changed:
                self._running.discard(process)

    def _load(self, process: EncoderProcess) -> None:
        """Raises EncoderWorkersFailed, EncoderError, ModelDamaged."""
        if process.load() != self._fingerprints:
            raise EncoderWorkersFailed("the models are others than those that the service has loaded.")
        with self._changed:
            self._ready.add(process)
            self._idle.append(process)
            self._changed.notify_all()

    def _failed(self, error: SpeakeridError) -> str:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()
        return str(error)


def _pauses() -> Iterator[float]:
    """Seconds before the next start: none for the first."""
    yield 0.0
    pause_s = 0.5
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
