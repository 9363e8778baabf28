"""The decoding children of this process: a few wait for work, more are made under load, none is left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from speakerid.audio.children.wire import ANSWER, END, FORK, NONE, REQUEST, TICK_S, ChildWire
from speakerid.errors import DecoderUnavailable, Overloaded

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # that it may use
START_S = 60.0  # for the template: imports on a busy machine
Use = Literal["file", "stream"]  # decoded in one go, or held while its caller works on what comes out
SLOTS: dict[Use, int] = {"file": max(4, 2 * CORES), "stream": 64}
WAIT_S: dict[Use, float] = {"file": 10.0, "stream": 30.0}
# HOME: without it Python asks for the name of the user, which a service of the system may look up elsewhere.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH")
# glibc: what a job used stays for the next one, or each would have the system clear its pages anew.
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(8 * 1024**2), "MALLOC_TRIM_THRESHOLD_": str(16 * 1024**2)}


class Child:
    def __init__(self, pid: int, wire: ChildWire) -> None:
        self.pid = pid
        self.wire = wire
        self.fit = False  # set by who had it, when it is good for another job


class Template:
    """The process children are forked from. Its methods are not to be called side by side."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._control, theirs = socket.socketpair()
        self._control.settimeout(START_S)
        with theirs, ExitStack() as undo:
            undo.callback(self._control.close)
            self._process = subprocess.Popen(
                # -P: no module of the current folder, where any downloaded file may lie, is run
                [sys.executable, "-P", "-m", "speakerid.audio.children.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # an interrupt at the terminal is the service's to handle
            )
            undo.pop_all()

    def fork(self, waiting: Callable[[float], None]) -> Child:
        """Raises OSError when the template is gone, DecoderUnavailable when only another child cannot be had."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            undo.callback(ours.close)
            pid = self._ask(FORK, 0, theirs.fileno())
            if pid == NONE:
                raise DecoderUnavailable
            undo.pop_all()
        return Child(pid, ChildWire(ours, waiting))

    def end(self, pid: int) -> int | None:
        """End a child: how it ended, as `os.waitpid` gives it; None where it was an earlier template's.

        Raises OSError.
        """
        status = self._ask(END, pid)
        return None if status == NONE else status

    def close(self) -> None:
        """End the template and its children."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5.0)
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Let go of it in a process forked from the service: it is not this one's."""
        self._control.close()
        self._process.returncode = 0  # nothing to wait for

    def _ask(self, verb: bytes, pid: int, *files: int) -> int:
        socket.send_fds(self._control, [REQUEST.pack(verb, pid)], list(files))
        answer = self._control.recv(ANSWER.size, socket.MSG_WAITALL)
        if len(answer) < ANSWER.size:
            raise ConnectionResetError
        return int(ANSWER.unpack(answer)[0])


class Pool:
    """Children that wait for work, and slots for those that work. Safe to share between threads."""

    def __init__(self) -> None:
        self._template: Template | None = None
        self._lock = threading.Lock()  # around the template and the idle
        self._idle: list[Child] = []
        self._slots = {use: threading.Semaphore(count) for use, count in SLOTS.items()}

    @contextmanager
    def child(self, use: Use, waiting: Callable[[float], None]) -> Iterator[Child]:
        """Lend a child for one job; it is ended unless the block ends without an exception and finds it `fit`.

        `waiting` is called while nothing moves and may raise. Raises Overloaded when all are busy for long,
        DecoderUnavailable.
        """
        self._take_slot(use, waiting)
        try:
            child = self._take(waiting)
            try:
                yield child
            except BaseException:
                self.end(child)
                raise
            self._keep(child)
        finally:
            self._slots[use].release()

    def warm(self, count: int = CORES) -> None:
        """Have so many idle children, one for each core at most. Raises DecoderUnavailable."""
        for child in [self._fork(lambda _: None) for _ in range(count)]:
            child.fit = True
            self._keep(child)

    def end(self, child: Child) -> int | None:
        """End `child`: how it ended, as `os.waitpid` gives it; None when that is not known."""
        child.wire.close()
        with self._lock, contextlib.suppress(OSError):
            return None if self._template is None else self._template.end(child.pid)
        return None

    def close(self) -> None:
        """Ends every child."""
        with self._lock:
            idle, self._idle = self._idle, []
            template, self._template = self._template, None
        for child in idle:
            child.wire.close()
        if template is not None:
            template.close()

    def forget(self) -> None:
        for child in self._idle:
            child.wire.close()
        if self._template is not None:
            self._template.forget()

    def _take_slot(self, use: Use, waiting: Callable[[float], None]) -> None:
        until = time.monotonic() + WAIT_S[use]
        while not self._slots[use].acquire(timeout=TICK_S):
            waiting(0.0)
            if time.monotonic() > until:
                raise Overloaded(retry_after_s=int(WAIT_S[use]))

    def _take(self, waiting: Callable[[float], None]) -> Child:
        while (child := self._pop()) is not None:
            if child.wire.is_quiet():
                child.fit, child.wire.waiting = False, waiting
                return child
            self.end(child)
        return self._fork(waiting)

    def _pop(self) -> Child | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, child: Child) -> None:
        with self._lock:
            if child.fit and self._template is not None and len(self._idle) < CORES:
                self._idle.append(child)
                return
        self.end(child)

    def _fork(self, waiting: Callable[[float], None]) -> Child:
        """Fork a child. A template that was ended from outside is replaced once."""
        with self._lock:
            for _ in range(2):
                try:
                    self._template = self._template or Template()
                    return self._template.fork(waiting)
                except OSError as error:
                    failure = error
                    if self._template is not None:
                        self._template.close()
                        self._template = None
        raise DecoderUnavailable from failure


def _environment() -> dict[str, str]:
    """The template's environment: where to find code, one thread for everything, nothing else of the service's."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **KEPT_MEMORY,
    }


class _Current:
    """The pool of this process, made on first need."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    def get(self) -> Pool:
        with self._lock:
            if self._pool is None:
                self._pool = Pool()
            return self._pool

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def after_fork(self) -> None:
        """The children are the parent's; locks may have been held by threads that are not here."""
        pool, self._pool, self._lock = self._pool, None, threading.Lock()
        if pool is not None:
            pool.forget()


_CURRENT = _Current()
AVAILABLE = hasattr(os, "fork") and hasattr(socket, "send_fds")
if AVAILABLE:
    os.register_at_fork(after_in_child=_CURRENT.after_fork)
    atexit.register(_CURRENT.close)


def current() -> Pool:
    return _CURRENT.get()


def warm(count: int = CORES) -> None:
    """Start what the first files would wait for, `count` at a time. Raises DecoderUnavailable."""
    if AVAILABLE:
        current().warm(count)


def close() -> None:
    """Ends every decoding child of this process; the next that is needed is made anew."""
    _CURRENT.close()
