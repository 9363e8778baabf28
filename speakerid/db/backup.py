"""A copy of a SQLite store that is being written to, and back.

The copy is made from one snapshot, in steps, so writers go on. Nothing is ever half-written under the name that was
asked for: it is made beside it, synced, and given the name at last.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from speakerid.db import erasure, migrate
from speakerid.db.engine import open_database
from speakerid.db.store_file import SqliteFile, is_busy
from speakerid.errors import BackupFailed, FileMissing, StoreBusy, StoreExists, StoreInUse
from speakerid.whole_files import sync

PAGES = 256  # copied in one step, 1 MB
UNFINISHED = re.compile(r"\..+\.(\d+)\.speakerid-part(-wal|-shm|-journal)?")  # with the process that makes it
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a store
Watch = Callable[[int, int], None]  # pages done, and of how many


def backup(store: Path, out: Path, watch: Watch = lambda done, total: None) -> None:
    """Copy the store, with everything committed before this began.

    Raises StoreMissing, StoreUnavailable, StoreExists, BackupFailed.
    """
    SqliteFile(store).require()
    store = store.resolve()  # SQLite keeps the log beside the file, not beside a link to it
    if os.path.exists(out):  # never raises, as the methods of a Path may
        raise StoreExists(f"{out} exists already, and a backup never overwrites. Choose another name.")
    with _made_beside(out) as made:
        _copy(store, made, watch, "The backup could not be made")
        _tidy(made)
        _check(made)
        _publish(made, out)


def restore(file: Path, store: Path, *, replace: bool = False, watch: Watch = lambda done, total: None) -> None:
    """Make `store` from a backup, after looking whether it is whole and of a schema that can be used.

    `replace` an existing store, which no process may have open. Raises FileMissing, StoreExists, StoreInUse,
    BackupFailed, StoreNewer, StoreSchemaUnknown.
    """
    file, store = file.resolve(), store.resolve()
    if not os.path.isfile(file):
        raise FileMissing(f"There is no file {file}. Name a backup made by 'speakerid backup'.")
    if os.path.isdir(store):
        raise StoreExists(f"{store} is a folder. Choose the name of a file as --store.")
    there = [one for one in _files(store) if os.path.exists(one)]
    if there and not replace:
        raise StoreExists(f"{there[0]} exists. Choose another --store, or give --replace to lose what it holds.")
    with _made_beside(store) as made:
        _copy(file, made, watch, f"{file} cannot be restored")
        _check(made)
        with _exclusively(store):
            for one in _files(store)[1:]:  # a log of the old store would be taken for the new one's
                one.unlink(missing_ok=True)
            os.replace(made, store)
            sync(store.resolve().parent)


def _files(store: Path) -> list[Path]:
    return [store, *(Path(f"{store}{ending}") for ending in BESIDE)]


@contextmanager
def _made_beside(wanted: Path) -> Iterator[Path]:
    """A new empty file for its owner alone; gone in the end unless it was renamed. Raises BackupFailed."""
    made = wanted.with_name(f".{wanted.name}.{os.getpid()}.speakerid-part")
    _remove_unfinished(wanted.parent)
    try:
        os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"Nothing can be written beside {wanted}: {error.strerror}. Choose another.") from error
    try:
        yield made
    finally:
        for one in _files(made):
            with suppress(OSError):
                one.unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    """What processes that were killed left behind: every embedding of a store may be in it."""
    with suppress(OSError):
        for one in folder.iterdir():
            if (found := UNFINISHED.fullmatch(one.name)) and not _runs(int(found[1])):
                one.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    """Another process than this one; in a container the next has the same id. True where asking would end it."""
    if sys.platform == "win32":
        return pid != os.getpid()
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid != os.getpid()


def _copy(source: Path, target: Path, watch: Watch, failed: str) -> None:
    """Raises BackupFailed."""
    try:
        with (
            closing(SqliteFile(source).connect()) as reader,
            closing(sqlite3.connect(target, isolation_level=None)) as writer,
        ):
            reader.execute("PRAGMA query_only=ON")
            reader.execute("BEGIN")  # one snapshot for all steps: without it every write would start the copy anew
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(writer, pages=PAGES, progress=lambda _, left, total: watch(total - left, total))
            writer.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    except sqlite3.Error as error:
        if is_busy(error):
            raise StoreBusy from error
        raise BackupFailed(f"{failed}: {error}. Check the disk, and that it is a store.") from error


def _tidy(copy: Path) -> None:
    """What was erased and not yet scrubbed in the store is not carried along."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'erasures'").fetchone()
    if tables:
        erasure.scrub(copy, erasure.FINISH)


def _check(copy: Path) -> None:
    """Raises BackupFailed, StoreNewer, StoreSchemaUnknown."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        try:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            verdict = str(error)
    if verdict != "ok":
        raise BackupFailed(f"It is damaged: {' '.join(verdict.split())}. Use another backup.")
    database = open_database(copy)
    try:
        migrate.require_known(database)
    finally:
        database.close()
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    sync(copy)


def _publish(made: Path, out: Path) -> None:
    """Under its name at once, and never over another file. Raises StoreExists."""
    try:
        os.link(made, out)
    except FileExistsError:
        raise StoreExists(f"{out} exists by now, and a backup never overwrites. Choose another name.") from None
    except OSError:  # a file system without links
        if out.exists():
            raise StoreExists(f"{out} exists by now, and a backup never overwrites. Choose another name.") from None
        os.rename(made, out)
    sync(out.resolve().parent)


@contextmanager
def _exclusively(store: Path) -> Iterator[None]:
    """Hold an existing store, so that no other process opens it meanwhile. Raises StoreInUse."""
    if not store.exists():
        yield
        return
    with closing(sqlite3.connect(store, isolation_level=None, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")  # refused while it is open elsewhere
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise StoreInUse(f"{store} is in use ({error}). Stop the servers and workers on it first.") from error
        except sqlite3.DatabaseError:
            pass  # no database, or a broken one: it cannot be in use
        yield
