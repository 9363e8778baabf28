"""One SQLite file: how it is opened for what this process may do with it, whose turn it is to write, how it fails.

Opening writes nothing. A file that can be written is opened for both; its log is turned on by the first write. A file
on a read-only medium, or without permission to write, is opened to be read: with its log where it has one, else as a
file that no one changes, because SQLite cannot put its own files beside it.

POSIX locks belong to the process: closing any descriptor of a file drops all locks that SQLite holds on it, so the one
descriptor that this process has is never closed. SQLite lets one write at a time and has the others ask again and
again: among 32 threads, the unlucky one waited 7 s. Here they take turns.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from speakerid.errors import StoreBusy, StoreMissing, StoreReadOnly, StoreUnavailable

READ_TIMEOUT_MS = 5_000  # only what SQLite keeps from reading, too: a rollback journal, an exclusive locking mode
PRAGMAS = (
    f"PRAGMA busy_timeout={READ_TIMEOUT_MS}",
    "PRAGMA synchronous=FULL",  # an acknowledged enrollment survives power loss
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # erased rows are overwritten with zeros
    "PRAGMA temp_store=MEMORY",  # no name in a temporary file
    "PRAGMA wal_autocheckpoint=100",  # pages: a copy of the file alone misses the last few changes, not the last 1,000
)
CREATORS = "'speakerid enroll', 'serve' and 'db upgrade' make one"
FULL_BYTES = 1024 * 1024  # fewer are free: a small write may find a place in the log, an enrollment does not
MOST = 1024  # things remembered
T = TypeVar("T")
Revision = tuple[int, int]  # a connection, and its number
_turns: dict[str, Turns] = {}
_opened: dict[tuple[int, int], int] = {}  # by device and inode
_lock = threading.Lock()


class SqliteFile:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # the working directory may change

    def require(self) -> None:
        """Raises StoreMissing, StoreUnavailable for what can be no store."""
        self._require_no_folder()
        if not self.path.exists():
            raise StoreMissing(f"There is no store {self.path}. Name another with --store; {CREATORS}.")
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise StoreMissing(f"{self.path} is empty: no store was made in it yet. {CREATORS.capitalize()}.")

    def create(self) -> None:
        """A new store is its owner's alone, whatever the umask; SQLite gives its log the same mode.

        Raises StoreUnavailable.
        """
        self._require_no_folder()
        try:
            os.close(os.open(self.path.resolve(), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            reason = f"there is no folder {self.path.parent}" if not self.path.parent.exists() else error.strerror
            raise StoreUnavailable(f"The store {self.path} cannot be made: {reason}. Choose another place.") from error

    def _require_no_folder(self) -> None:
        if self.path.is_dir():
            raise StoreUnavailable(f"{self.path} is a folder, and a store is one file. Name a file in it.")

    @property
    def writable(self) -> bool:
        """Whether the system lets this process write the file, and SQLite's own files beside it."""
        real = self.path.resolve()
        return os.access(real, os.W_OK) and os.access(real.parent, os.W_OK)

    @property
    def in_use(self) -> bool:
        """Whether a log lies beside it: another process has it open, or was killed."""
        real = self.path.resolve()
        log = Path(f"{real}-wal")
        return Path(f"{real}-shm").exists() or (log.exists() and log.stat().st_size > 0)

    def free_bytes(self) -> int:
        """On its disk."""
        try:
            at = os.statvfs(self.path.resolve().parent)
        except OSError:
            return FULL_BYTES  # who knows: it is tried out
        return at.f_bavail * at.f_frsize

    def connect(self) -> sqlite3.Connection:
        """One that writes nothing of its own accord. Raises sqlite3.Error."""
        how = "mode=rw" if self.writable else "mode=ro" if self.in_use else "mode=ro&immutable=1"
        made = sqlite3.connect(
            f"{self.path.as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False, timeout=0.0
        )
        for pragma in PRAGMAS:
            made.execute(pragma)
        return made


class NotRemembered(LookupError):
    """The store has to be asked."""


class CommitWatch:
    """Whether anybody has committed since: what was read before then still holds, and need not be read again.

    SQLite counts for each connection what others have committed, here or elsewhere (PRAGMA data_version, 6 us):
    so one that writes nothing knows of every commit. PostgreSQL has no such number. Safe to share between threads.
    """

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._connected = 0
        self._closed = False

    def now(self, *, wait: bool = True) -> Revision | None:
        """Another one after any commit; None where it cannot be known now, or would have to be waited for."""
        if not self._lock.acquire(blocking=wait):
            return None
        try:
            connection = self._connection or self._connect()
            return None if connection is None else (self._connected, self._version(connection))
        except sqlite3.Error:
            self._disconnect()
            return None
        finally:
            self._lock.release()

    def glance(self, query: str, values: Mapping[str, int]) -> tuple[Any, ...] | None:
        """One row, as it is now; None where it cannot be read so. A transaction of the pool takes ten times as long."""
        with self._lock:
            try:
                connection = self._connection or self._connect()
                return None if connection is None else tuple(connection.execute(query, values).fetchone())
            except sqlite3.Error:
                self._disconnect()
                return None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._disconnect()

    def _connect(self) -> sqlite3.Connection | None:
        """None for a store that only can be read: others may write to it unseen."""
        if self._closed or not self._file.writable:
            return None
        self._connection, self._connected = self._file.connect(), self._connected + 1
        self._connection.execute("PRAGMA busy_timeout=0")  # no one waits for what can be read anyway
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _version(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA data_version").fetchone()[0])


class ReadMemory:
    """What was read, until somebody commits."""

    def __init__(self, revision: Callable[..., Revision | None]) -> None:
        """`revision(wait=False)`: without waiting for anybody."""
        self._revision = revision
        self._lock = threading.Lock()
        self._at: Revision | None = None
        self._kept: dict[Hashable, Any] = {}

    def get(self, name: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, or gave under this `name` since the last commit. Raises what it raises."""
        at = self._revision()
        if at is None:
            with self._lock:
                self._at, self._kept = None, {}
            return read()
        with self._lock:
            if at != self._at:
                self._at, self._kept = at, {}
            elif name in self._kept:
                found: T = self._kept[name]
                return found
        made = read()  # of this revision, or a later one: then it is forgotten at the next look
        with self._lock:
            if at == self._at and len(self._kept) < MOST:
                self._kept[name] = made
        return made

    def forget(self) -> None:
        """At once, what somebody's commit may have made untrue: who was erased is not kept until the next look."""
        with self._lock:
            self._at, self._kept = None, {}

    def peek(self, name: Hashable) -> Any | None:
        """What is remembered since the last look, without another look: it may have changed a moment ago."""
        with self._lock:
            return self._kept.get(name)

    def require_current(self) -> None:
        """Raises NotRemembered unless what is remembered still holds, and that is known without waiting for anybody."""
        at = self._revision(wait=False)
        with self._lock:
            if at is None or at != self._at:
                raise NotRemembered

    def recall(self, name: Hashable, read: Callable[..., T]) -> T:
        """What `peek` gives, in place of `get`. Raises NotRemembered instead of a call to `read`."""
        with self._lock:
            if name not in self._kept:
                raise NotRemembered
            found: T = self._kept[name]
            return found


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


BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
ADVICE = {
    sqlite3.SQLITE_NOTADB: "It is no store, but another kind of file: name the store with --store.",
    sqlite3.SQLITE_CORRUPT: "It is damaged: restore a backup with 'speakerid restore'.",
    sqlite3.SQLITE_FULL: "Its disk is full: make room there.",
    sqlite3.SQLITE_PROTOCOL: "Network drives do not lock files as SQLite needs: put it on a disk of this machine.",
}


def is_busy(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY


def failure(path: Path, error: BaseException | None) -> StoreUnavailable:
    """What SQLite refuses, as an error that says what to do."""
    if is_busy(error):
        return StoreBusy()
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_READONLY:
        return StoreReadOnly(str(path))
    cause = " ".join(str(error).split())
    advice = ADVICE.get(code) or _unreadable(path) or "Check its path and disk."
    return StoreUnavailable(f"The store {path} cannot be used ({cause}). {advice}")


def _unreadable(path: Path) -> str | None:
    if not os.access(path, os.R_OK):
        return "This user may not read it: check its permissions, and those of its folder."
    if SqliteFile(path).in_use and not SqliteFile(path).writable:
        return (
            f"Its newest changes are in {path.name}-wal beside it, which cannot be read without writing there: copy "
            "both to a folder that can be written, or make a backup where it is served."
        )
    return None
