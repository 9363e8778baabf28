"""Erased means gone from the disk: what SQLite itself leaves behind after a DELETE (docs/decisions/0019).

The write-ahead log holds old pages, and gaps of pages hold copies of rows that were moved. A row of `erasures`, written
in the transaction that erases, marks that as still to be done. It goes when the log was emptied and every page was
gone through since. Gaps are zeroed in the file itself, a few MB at a time, while this process holds SQLite's write lock
and the log is empty: then no page is in flux, and what others read stays the same.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from speakerid.db import gaps
from speakerid.db.store_file import Turns, descriptor, turns

STEP_BYTES = 4 * 1024 * 1024  # 5 ms of holding the write lock
LOCK_TIMEOUT_MS = 20  # emptying the log holds the write lock while it waits for readers: others wait too
RETRY_S = 0.005  # after another was in the way, twice as long each time
MOST_RETRY_S = 0.5  # for who reads from the log for minutes, as a backup does
PAUSE_S = 0.01  # between two steps, for other writers


@dataclass(frozen=True)
class Effort:
    """How long to try, and up to which size of the store to try at all."""

    seconds: float
    most_bytes: int | None = None


FINISH = Effort(30.0)
BRIEFLY = Effort(0.1, STEP_BYTES)  # in a request, whose caller waits
AT_START = Effort(5.0)  # of what another process left


def scrub(path: Path, effort: Effort) -> bool:
    """Do what pending erasures still need. Whether nothing is left to do; a reader or a writer may be in the way."""
    path = path.resolve()  # SQLite keeps the log beside the file, not beside a link to it
    with suppress(OSError):
        if effort.most_bytes is not None and path.stat().st_size > effort.most_bytes:
            return False
    with closing(_connect(path)) as connection:
        return _Pass(connection, path, turns(path)).run(time.monotonic() + effort.seconds)


def _connect(path: Path) -> sqlite3.Connection:
    existing = f"{path.resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(existing, uri=True, timeout=LOCK_TIMEOUT_MS / 1000, isolation_level=None)
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


@dataclass
class _Pass:
    """One time through all pages, in steps.

    Every step commits something of its own, so that no connection goes on with pages it read before: written back, they
    would bring the old gaps with them. When others wrote between two steps, SQLite may have moved what is in gaps
    to a page that was gone through already: the pass begins anew, in steps twice as large, in the end in a single one.
    """

    connection: sqlite3.Connection
    path: Path
    turns: Turns
    step_bytes: int = STEP_BYTES
    page: int = 1  # the next one
    newest: int | None = None  # the youngest erasure that this pass is good for
    version: int | None = None
    free: Mapping[int, gaps.Gap] = field(default_factory=dict)  # pages that are not in use

    def run(self, deadline: float) -> bool:
        retry_s = RETRY_S
        while self._pending():
            if time.monotonic() > deadline:
                return False
            if self._in_turn(deadline):
                retry_s = RETRY_S
                time.sleep(0.0 if self.newest is None else PAUSE_S)
            else:
                time.sleep(retry_s)
                retry_s = min(2 * retry_s, MOST_RETRY_S)
        return True

    def _in_turn(self, deadline: float) -> bool:
        """One step, unless another is in the way."""
        with self.turns.turn(max(0.0, deadline - time.monotonic())) as mine:
            if not mine or not self._begin():
                return False
            with self.connection:  # commits, or rolls back
                self._step()
            return True

    def _pending(self) -> bool:
        return self.connection.execute("SELECT 1 FROM erasures LIMIT 1").fetchone() is not None

    def _begin(self) -> bool:
        """Empty the log and take the write lock. False when another reads from the log, or wrote to it in between."""
        try:
            if self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                return False
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return False
        if _log_bytes(self.path) == 0:
            return True
        self.connection.execute("ROLLBACK")
        return False

    def _step(self) -> None:
        self._begin_anew_if_others_wrote()
        descr = descriptor(self.path)
        header = os.pread(descr, gaps.HEADER_BYTES, 0)
        layout = gaps.GapLayout.of(header)
        if self.page == 1:
            self.free = gaps.free(layout, header, lambda number: read_pages(descr, layout, number, 1))
        pages = self.connection.execute("PRAGMA page_count").fetchone()[0]
        if pages >= gaps.MOST_PAGES:  # 128 GiB
            raise sqlite3.OperationalError(f"a store of {pages} pages is too large to be gone through")
        stop = min(pages + 1, self.page + max(1, self.step_bytes // layout.page_bytes))
        clear(descr, layout, self.page, stop, self.free)
        self.page = stop
        if stop > pages:
            self.connection.execute("DELETE FROM erasures WHERE id <= ?", (self.newest,))
            self.newest, self.version = None, None
        else:
            self.connection.execute("UPDATE erasures SET page = ? WHERE id = ?", (stop, self.newest))

    def _begin_anew_if_others_wrote(self) -> None:
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        if self.newest is not None and version == self.version:
            return
        if self.newest is not None:
            self.step_bytes *= 2
        self.version, self.page = version, 1
        self.newest = self.connection.execute("SELECT max(id) FROM erasures").fetchone()[0] or 0


def read_pages(descr: int, layout: gaps.GapLayout, start: int, count: int) -> bytes:
    return os.pread(descr, count * layout.page_bytes, (start - 1) * layout.page_bytes)


def clear(descr: int, layout: gaps.GapLayout, start: int, stop: int, free: Mapping[int, gaps.Gap]) -> int:
    """Zero the gaps of pages `start <= n < stop` in the file, durably. How many bytes were written."""
    size, written, at = layout.page_bytes, 0, start
    while at < stop:
        some = min(stop - at, max(1, STEP_BYTES // size))
        data = read_pages(descr, layout, at, some)
        for nth in range(len(data) // size):
            for first, end in gaps.dirty(layout, at + nth, data[nth * size : (nth + 1) * size], free):
                written += os.pwrite(descr, bytes(end - first), (at + nth - 1) * size + first)
        at += some
    if written:
        os.fsync(descr)
    return written


def _log_bytes(path: Path) -> int:
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0
