"""Erased means gone from the disk: what SQLite itself would leave behind after a DELETE.

`secure_delete` overwrites deleted rows, but not the copies that SQLite left in gaps when it moved them between pages
(one of 300 erased names was still found); VACUUM does. The write-ahead log still holds the old pages: it is emptied.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
from contextlib import closing
from typing import Any

from sqlalchemy import Engine

from speakerid.errors import StoreUnavailable

logger = logging.getLogger(__name__)

VACUUM_BYTES = 64 * 1024 * 1024  # VACUUM rewrites the store, 15 ms per MB: larger ones wait for `speakerid db vacuum`
CHECKPOINT_RETRY_S = 0.01


def scrub(engine: Engine) -> None:
    """After an erasure: clean a small store, empty its log. What fails is logged: the erasure itself is committed."""
    try:
        _clean(engine, VACUUM_BYTES)
    except sqlite3.OperationalError as error:
        logger.warning("traces of erased rows stay in the store's files until the next erasure: %s", error)


def vacuum(engine: Engine) -> None:
    """Clean a store of any size. Raises StoreUnavailable when others keep it busy, or the disk is full."""
    try:
        _clean(engine, sys.maxsize)
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"The store could not be rewritten: {error}. Try again when it is idle.") from error


def _clean(engine: Engine, largest_bytes: int) -> None:
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if _bytes(cursor) <= largest_bytes:
            cursor.execute("VACUUM")
        _empty_log(cursor)


def _bytes(cursor: Any) -> int:
    pages, page_bytes = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page_bytes)


def _empty_log(cursor: Any) -> None:
    patience_s = cursor.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    deadline = time.monotonic() + patience_s
    while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # does not wait for another checkpoint
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("a reader still needs its log")
        time.sleep(CHECKPOINT_RETRY_S)
