"""An encoder process as its service sees it: started, asked about one recording at a time, ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from speakerid.audio.children.pool import KEPT_MEMORY
from speakerid.audio.children.wire import Gone, ProtocolViolation, named_error
from speakerid.audio.limits import check_not_cancelled
from speakerid.errors import ClientGone, EncoderWorkersFailed, Overloaded, SpeakeridError
from speakerid.services.encoder_workers.wire import (
    FAILED,
    KINDS,
    EncoderJob,
    WorkerFrame,
    WorkerSetup,
    WorkerWire,
    read_answer,
)
from speakerid.services.probe import EmbeddedUtterance
from speakerid.types import Step

logger = logging.getLogger(__name__)

START_S = 120.0  # imports and models on a busy machine
END_S = 2.0  # nothing is lost in a process that is killed
NOT_PASSED_ON = ("SPEAKERID_", "PG", "OTEL_")  # of the service's environment: passwords, and what concerns it alone
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Hung(Gone):
    """Nothing came for so many seconds."""


class Silence:
    """How long a process at work may send nothing: `most_s`, and less from when its service ends."""

    def __init__(self, most_s: float, ending_s: float) -> None:
        self._most_s, self._ending_s = most_s, ending_s
        self._ends_at: float | None = None  # time.monotonic(): who was silent since the end began is given up

    @property
    def ending(self) -> bool:
        return self._ends_at is not None

    @property
    def over(self) -> bool:
        """Whether the end began `ending_s` ago."""
        return self._ends_at is not None and time.monotonic() > self._ends_at

    def end(self) -> None:
        """From now on. Nothing is waited for here: a signal may have come anywhere."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._ending_s

    def check(self, idle_s: float) -> None:
        """Raises Hung."""
        most_s = self._ending_s if self.over else self._most_s
        if idle_s > most_s:
            raise Hung(most_s)


class EncoderProcess:
    """Its methods but `end` are not to be called side by side."""

    def __init__(self, setup: WorkerSetup, silence: Silence) -> None:
        """Starts it; `load` waits until it is ready. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            undo.callback(ours.close)
            self._process = subprocess.Popen(
                # -P: no module of the current folder, where any downloaded file may lie, is run
                [sys.executable, "-P", "-m", "speakerid.services.encoder_workers.process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # an interrupt at the terminal is the service's to handle
            )
            undo.pop_all()
        self._sock, self._wire = ours, WorkerWire(ours, self._starting)
        self._setup, self._silence = setup, silence
        self._may_cancel = False
        self.fit = True  # for another recording: the last one was answered

    @property
    def pid(self) -> int:
        return self._process.pid

    def load(self) -> tuple[str, ...]:
        """The fingerprints of its encoders. Raises EncoderWorkersFailed, EncoderError, ModelDamaged."""
        try:
            self._wire.send(WorkerFrame.SETUP, self._setup.to_json())
            kind, payload = self._received()
            if kind == WorkerFrame.ERROR:
                raise named_error(payload, KINDS)
            return tuple(json.loads(payload))
        except Gone as error:
            raise EncoderWorkersFailed(self._how_it_ended(error)) from None

    def embedded(
        self, job: EncoderJob, audio: bytes, step: Step, decoded: Callable[[float], None]
    ) -> EmbeddedUtterance:
        """Raises Gone when the process cannot be used any longer, what `decoded` does, and what the process answers:
        see `embed_speech`."""
        self._wire.waiting, self._may_cancel, self.fit = self._working, False, False
        self._wire.send(WorkerFrame.JOB, *job.frame(audio))
        self._may_cancel = True
        with ExitStack() as running:
            while True:
                kind, payload = self._received()
                if kind == WorkerFrame.STEP:
                    running.close()
                    if payload:
                        running.enter_context(step(payload.decode()))
                elif kind == WorkerFrame.DECODED:
                    self._ask(decoded, float(json.loads(payload)), job.counted)
                elif kind == WorkerFrame.ANSWER:
                    found = read_answer(payload)
                    self.fit = True
                    return found
                elif kind == WorkerFrame.ERROR:
                    error = _error(payload)
                    self.fit = True
                    raise error
                else:
                    raise ProtocolViolation

    def _ask(self, decoded: Callable[[float], None], seconds: float, counted: bool) -> None:
        """Let it embed what was decoded, or end its work on it. Raises Gone, and what `decoded` does."""
        try:
            decoded(seconds)
        except SpeakeridError:
            self._cancel()
            while (kind := self._received()[0]) != WorkerFrame.ERROR:
                if kind != WorkerFrame.STEP:
                    raise ProtocolViolation from None
            self.fit = True
            raise
        if counted:
            self._wire.send(WorkerFrame.GO)

    def wait(self) -> str:
        """How it ended, once it has."""
        code = self._process.wait()
        return signal.strsignal(-code) or str(code) if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        self._process.kill()

    def hang_up(self) -> None:
        """It ends by itself when its connection does."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # not closed: a thread may be reading from it

    def end(self) -> None:
        """What hangs is killed."""
        self.hang_up()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Its connection, once no thread uses it."""
        self._wire.close()

    def _received(self) -> tuple[WorkerFrame, bytearray]:
        """The next frame that is no line of its log."""
        while True:
            kind, payload = self._wire.receive()
            if kind != WorkerFrame.LOG:
                return kind, payload
            line = json.loads(payload)
            logging.getLogger(line["logger"]).log(line["level"], "%s", line["message"])

    def _starting(self, idle_s: float) -> None:
        if idle_s > START_S:
            raise Hung(START_S)

    def _working(self, idle_s: float) -> None:
        """Tell it once when no one waits for the answer: decoding ends then, and the answer comes soon."""
        try:
            check_not_cancelled()
        except ClientGone:
            self._cancel()
        self._silence.check(idle_s)

    def _cancel(self) -> None:
        if self._may_cancel:  # once, and not amid the frame of the job
            self._may_cancel = False
            self._wire.send(WorkerFrame.CANCEL)

    def _how_it_ended(self, error: Gone) -> str:
        self.kill()
        return f"no answer for {START_S:g} s." if isinstance(error, Hung) else f"one ended ({self.wait()})."


def _error(payload: bytearray) -> Exception:
    """Raises ProtocolViolation."""
    try:
        error = named_error(payload, KINDS)
        return Overloaded() if isinstance(error, Overloaded) else error  # with the seconds until another try
    except ProtocolViolation:
        if json.loads(payload).get("code") == FAILED:
            return RuntimeError("an encoder process failed on a recording; the log has the cause")
        raise


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    code = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    return kept | ONE_THREAD | KEPT_MEMORY | {"PYTHONPATH": code}
