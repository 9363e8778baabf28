"""What all of this process shares for one SQLite file: a descriptor that is never closed, and turns to write.

POSIX locks belong to the process: closing any descriptor of a file drops all locks that SQLite holds on it. SQLite lets
one write at a time and has the others ask again and again: among 32 threads, the unlucky one waited 7 s.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_turns: dict[str, Turns] = {}
_opened: dict[tuple[int, int], int] = {}  # by device and inode
_lock = threading.Lock()


class Turns:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, timeout_s: float) -> Iterator[bool]:
        """Whether it is this thread's turn, or the time ran out."""
        taken = self._take(timeout_s)
        try:
            yield taken
        finally:
            if taken:
                self._pass_on()

    def _take(self, timeout_s: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return True
        with self._lock:
            if mine.is_set():  # at the last moment
                return True
            self._waiting.remove(mine)
            return False

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


def turns(path: Path) -> Turns:
    """Of all who write to this file, whatever name it is opened by."""
    with _lock:
        return _turns.setdefault(str(path.resolve()), Turns())


def descriptor(path: Path) -> int:
    """To read and write the bytes of `path`. It must never be closed."""
    with _lock:
        _forget_removed()
        at = os.stat(path)
        if (at.st_dev, at.st_ino) not in _opened:
            opened = os.open(path, os.O_RDWR)
            at = os.fstat(opened)
            _opened.setdefault((at.st_dev, at.st_ino), opened)
        return _opened[at.st_dev, at.st_ino]


def _forget_removed() -> None:
    """A file without a name is no store any more."""
    for place, opened in list(_opened.items()):
        if os.fstat(opened).st_nlink == 0:
            del _opened[place]
            os.close(opened)
