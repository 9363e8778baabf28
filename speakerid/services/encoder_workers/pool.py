"""The encoder processes of a service: lent to one recording at a time, requests first, and replaced when they end.

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
from speakerid.errors import EncoderWorkerLost, EncoderWorkersFailed, Overloaded, ServiceStopping, SpeakeridError
from speakerid.services.encoder_workers.wire import EncoderJob, WorkerSetup
from speakerid.services.encoder_workers.worker import EncoderProcess, Hung, Silence
from speakerid.services.engine import UNTRACED, Traces, WorkersState
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions

logger = logging.getLogger(__name__)

SILENCE_S = 120.0  # of a process at work: the longest recording takes some seconds, a costly file less than 60
ENDING_S = 5.0  # the same while the service ends, and what is still waited for a process then
WAIT_S = 60.0  # for a process
LET_PASS_S = 5.0  # that the background lets requests pass: as long as one waits (SPEAKERID_MAX_WAIT_S), so it meets one
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
        ending_s: float = ENDING_S,
    ) -> None:
        self._count, self._setup, self._fingerprints = count, setup, tuple(fingerprints)
        self._max_waiting, self._silence = max_waiting, Silence(silence_s, ending_s)
        self._changed = threading.Condition()
        self._running: set[EncoderProcess] = set()  # those that still load, too
        self._ready: set[EncoderProcess] = set()
        self._idle: list[EncoderProcess] = []
        self._lent: set[EncoderProcess] = set()
        self._failure: SpeakeridError | None = None  # of the first start
        self._waiting = self._waiting_behind = self._replaced = 0  # requests, and the background
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
        counted: bool = False,
    ) -> EmbeddedUtterance:
        """As `EncoderWorkers.embedded`."""
        job = EncoderJob(fingerprint, options, steps=traces is not UNTRACED, counted=counted)
        with traces.step("wait"):
            process = self._take(background=options.background)
        try:
            found = process.embedded(job, audio, traces.step, decoded)
        except Gone as error:
            if isinstance(error, Hung):
                logger.error("encoder process %d gave no answer for %g s, and is ended", process.pid, error.args[0])
            raise (ServiceStopping if self._silence.ending else EncoderWorkerLost) from None
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
                waiting=self._waiting + self._waiting_behind,
                replaced=self._replaced,
                last_success_age_s=None if last is None else time.monotonic() - last,
            )

    def end_soon(self) -> None:
        """What hangs is given up soon, and who waits is answered. Waits for nothing, so a signal may call it."""
        self._silence.end()

    def close(self) -> None:
        """Ends them all."""
        self.end_soon()
        with self._changed:
            self._closing.set()
            running = list(self._running)
            self._changed.notify_all()
        for process in running:
            process.hang_up()
        for process in running:
            process.end()
        for one in self._keepers:
            one.join()

    def _take(self, *, background: bool) -> EncoderProcess:
        """The background waits while requests do. Raises Overloaded, ServiceStopping, ClientGone."""
        began = time.monotonic()
        with self._changed, self._place(background):
            while not (self._idle and self._has_turn(background=background, waited_s=time.monotonic() - began)):
                if self._ends():
                    raise ServiceStopping
                if time.monotonic() - began > WAIT_S:
                    raise Overloaded
                self._changed.wait(TICK_S)
                check_not_cancelled()
            process = self._idle.pop()
            self._lent.add(process)
            return process

    def _has_turn(self, *, background: bool, waited_s: float) -> bool:
        return not (background and self._waiting) or waited_s > LET_PASS_S

    @contextmanager
    def _place(self, background: bool) -> Iterator[None]:
        if background:
            self._waiting_behind += 1
        elif self._waiting >= self._max_waiting:
            raise Overloaded
        else:
            self._waiting += 1
        try:
            yield
        finally:
            self._waiting_behind -= background
            self._waiting -= not background

    def _give(self, process: EncoderProcess) -> None:
        """What is not fit is ended, and then replaced by its keeper."""
        with self._changed:
            self._lent.discard(process)
            kept = process.fit and process in self._ready
            if kept:
                self._idle.append(process)
                self._changed.notify_all()
        if not kept:
            process.kill()
            process.close()

    def _keep(self) -> None:
        """Have one process, in a thread of its own, until the pool closes, or no one waits for another any longer."""
        pauses = _pauses()
        while not self._ends():
            began = time.monotonic()
            how = self._run_or_log()
            if time.monotonic() - began > STEADY_S:
                pauses = _pauses()
            if self._ends():
                return
            pause_s = next(pauses)
            logger.error("an encoder process ended: %s; another starts in %g s", how, pause_s)
            if not self._closing.wait(pause_s) and not self._ends():
                with self._changed:
                    self._replaced += 1

    def _ends(self) -> bool:
        return self._closing.is_set() or self._silence.over

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
                process = EncoderProcess(self._setup, self._silence)
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
