"""One descriptor of a store's file for all of this process, never closed while the file exists.

POSIX locks belong to the process: closing any descriptor of a file drops all locks that SQLite holds on it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_opened: dict[tuple[int, int], int] = {}  # by device and inode
_lock = threading.Lock()


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
