"""Open a store: a SQLite file, or PostgreSQL. One object hands out read and write transactions."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    URL,
    ColumnElement,
    Connection,
    Engine,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db import erasure
from speakerid.db.access_models import AccessEventRow
from speakerid.db.asked import ASKED, OK, Asked
from speakerid.db.erasure import FINISH, Effort
from speakerid.db.keyring import Keyring
from speakerid.db.store_file import (
    FULL_BYTES,
    READ_TIMEOUT_MS,
    CommitWatch,
    ReadMemory,
    Revision,
    SqliteFile,
    failure,
    turns,
)
from speakerid.errors import (
    EncryptionChanged,
    InvalidRequest,
    Overloaded,
    StoreBusy,
    StoreReadOnly,
    StoreReplaced,
    StoreUnavailable,
)
from speakerid.errors.extras import how_to_install

logger = logging.getLogger(__name__)

WRITE_TIMEOUT_MS = 30_000  # others who write are waited for
RETRY_S = 0.01
ENCRYPTION = "SELECT count(*), count(unfinished) FROM encryption"  # whether there is one, and is not done
FRESH = "speakerid_fresh"  # in the pool's notes on a connection: not to be used again
T = TypeVar("T")
Handle = Session  # one open transaction: what services and repositories are given
SHORT_OF_DISK_BYTES = 64 * 1024 * 1024
UNWRITABLE = (
    "The store can be read, but not written to: its disk may be full or read-only. The server's log has the cause."
)
# DatabaseError itself is SQLite's "file is not a database"; its subclasses are about one statement.
ABOUT_THE_STORE = (OperationalError, InterfaceError, DatabaseError)
# A request thread needs one connection at a time; the API runs 40 of them.
POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 40, "hide_parameters": True}  # names stay out of logged errors


def is_in(db: Session, column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of `values`, however many: as one parameter, where a list of them is one each.

    A statement has at most 32,766 on SQLite and 65,535 on PostgreSQL. Values are texts or whole numbers.
    """
    if db.get_bind().dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))


class Database:
    """Transactions over one store. `read()` never blocks writers; `write()` commits once, when its block ends well."""

    def __init__(self, engine: Engine, sqlite: SqliteFile | None = None) -> None:
        self.engine = engine
        self.sqlite = sqlite
        self.is_sqlite = sqlite is not None
        self.file = None if sqlite is None else sqlite.path
        self._seen: tuple[int, int] | None = None  # device and inode of the file that was opened
        self.trouble: str | None = None  # why the last write failed, if the store is to blame
        self.watch = None if sqlite is None else CommitWatch(sqlite)
        self.memory = ReadMemory(self.revision)
        self.keyring: Keyring | None = None  # of an encrypted store (db/unlock.py)
        self._writer = engine.execution_options(speakerid_write=True)
        if sqlite is not None:
            event.listen(engine, "connect", self._note_connection)
            event.listen(engine, "checkin", _forget_fresh)
            event.listen(engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Raises StoreUnavailable: a leaf a reason."""
        self.require_same()
        with self._reachable(), Session(self.engine, expire_on_commit=False) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Raises StoreUnavailable: a leaf a reason; nothing is committed then, or nothing can be found of it."""
        made = Session(self._writer, expire_on_commit=False)
        with self._turn(), self._noting_trouble(), self._reachable():
            self.require_writable()
            with made as db, db.begin():
                yield db
                asked = _record(db)
            self.memory.forget()
            if asked is not None:
                asked.recorded = not asked.often
            self.require_same()  # the file may have gone meanwhile

    def revision(self, *, wait: bool = True) -> Revision | None:
        """Another one after any commit by anybody; None where that is not known. Raises StoreReplaced."""
        self.require_same()
        return None if self.watch is None else self.watch.now(wait=wait)

    def remembered(self, name: Hashable, read: Callable[[Session], T]) -> T:
        """What `read` gives, or gave since the last commit: not to be changed. Raises what it raises."""

        def reading() -> T:
            with self.read() as db:
                return read(db)

        return self.memory.get(name, reading)

    def require_same(self) -> None:
        """Raises StoreReplaced where the file that was opened has gone, or another has its name."""
        if self._seen is not None and self._seen != _identity(self.file):
            raise StoreReplaced

    def require_writable(self) -> None:
        """Raises StoreReplaced, StoreReadOnly."""
        self.require_same()
        if self.sqlite is not None and not self.sqlite.writable:
            raise StoreReadOnly(str(self.sqlite.path))

    def expect(self, encryption: tuple[int, int]) -> None:
        """From now on each transaction looks whether the store is as it was opened: plain, or encrypted."""

        def require(connection: Connection) -> None:
            if tuple(connection.exec_driver_sql(ENCRYPTION).one()) != encryption:
                raise EncryptionChanged

        event.listen(self.engine, "begin", require)

    def scrub(self, effort: Effort = FINISH) -> bool:
        """Leave nothing of erased rows in the files of a SQLite store. Whether that is done; what fails is logged."""
        if self.file is None:
            return True
        try:
            self.require_writable()
            return erasure.scrub(self.file, effort)
        except (StoreUnavailable, sqlite3.DatabaseError, OSError, ValueError) as error:  # the erasure is committed
            logger.warning("traces of erased rows stay in the store's files for now: %s", error)
            return False

    def checkpoint(self) -> None:
        """Bring what was committed from SQLite's log to its file, as far as no reader is in the way."""
        if self.sqlite is not None and self.sqlite.writable:
            with self._reachable(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def unwritable(self) -> str | None:
        """Why nothing can be written now. Writes only where the disk is nearly full, or the last write failed."""
        if self.sqlite is not None and not self.sqlite.writable:
            return UNWRITABLE
        free = None if self.sqlite is None else self.sqlite.free_bytes()
        if self.trouble is None and (free is None or free >= SHORT_OF_DISK_BYTES):
            return None
        try:
            with self.write() as db:
                db.execute(text("UPDATE alembic_version SET version_num = version_num"))
        except StoreUnavailable:
            return UNWRITABLE
        return UNWRITABLE if free is not None and free < FULL_BYTES else None

    def forget_keys(self, gallery_keys: Collection[int]) -> None:
        """Of erased galleries."""
        if self.keyring is not None:
            self.keyring.forget(gallery_keys)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()
        self.engine.dispose()

    def _note_connection(self, _connection: sqlite3.Connection, record: Any) -> None:
        if self.sqlite is not None and not self.sqlite.writable:
            record.info[FRESH] = True  # by the next time, another process may have begun to write
        self._seen = self._seen or _identity(self.file)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Threads of this process write to a SQLite store in the order they came."""
        if self.file is None:
            yield
            return
        with turns(self.file).turn(WRITE_TIMEOUT_MS / 1000) as mine:
            if not mine:
                raise StoreBusy
            yield

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            raise InvalidRequest("The store cannot keep one of these values, such as a NUL character.") from error
        except PoolTimeoutError as error:
            raise Overloaded from error
        except DBAPIError as error:
            if type(error) not in ABOUT_THE_STORE:
                raise
            raise self._failure(error) from error

    def _failure(self, error: DBAPIError) -> StoreUnavailable:
        if self.sqlite is not None:
            return failure(self.sqlite.path, error.orig)
        cause = " ".join(str(error.orig).split())
        return StoreUnavailable(f"The store does not answer: {cause}. Check its URL and server.")

    @contextmanager
    def _noting_trouble(self) -> Iterator[None]:
        try:
            yield
        except StoreBusy:  # passes by itself
            raise
        except StoreUnavailable as error:
            self.trouble = str(error)
            if isinstance(error, StoreReadOnly):  # a connection that was opened so stays so
                self.engine.dispose()
            raise
        self.trouble = None


def open_database(store: str | Path, *, create: bool = True) -> Database:
    """`store` is a path (SQLite) or a `postgresql://` URL; a file that is missing is made with `create` only.

    Raises StoreMissing, StoreUnavailable.
    """
    url = store_url(store)
    if url.get_backend_name() != "sqlite":
        return Database(_postgresql(url))
    file = SqliteFile(Path(url.database or ""))
    if create:
        file.create()
    else:
        file.require()
    engine = create_engine(URL.create("sqlite", database=str(file.path)), creator=file.connect, **POOL)
    return Database(engine, file)


def _record(db: Session) -> Asked | None:
    """On whose behalf this transaction changes something. Of a request, which may need several, the first says it."""
    asked = ASKED.get()
    if asked is None or asked.key_id is None or asked.recorded:
        return None
    about: list[str | None] = [*asked.speaker_ids] or [None]
    for speaker_id in about:
        event = AccessEventRow(at=asked.at, key_id=asked.key_id, action=asked.action, gallery=asked.gallery)
        event.speaker_id, event.outcome, event.request_id = speaker_id, OK, asked.request_id
        db.add(event)
    if asked.often:
        asked.speaker_ids = []
    return asked


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, **POOL)
    except ModuleNotFoundError as error:
        raise StoreUnavailable(f"PostgreSQL needs an extra. {how_to_install('postgres')}") from error


def store_url(store: str | Path) -> URL:
    if "://" not in str(store):
        return URL.create("sqlite", database=_path(str(store)))
    try:
        url = make_url(str(store))
    except ArgumentError:
        raise StoreUnavailable("The store URL cannot be read. Give a path or postgresql://user@host/name.") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreUnavailable(f"Stores of kind {url.drivername!r} are not supported. Give a path or postgresql://…")
    return url if url.get_backend_name() != "sqlite" else url.set(database=_path(url.database or ""))


def _path(store: str) -> str:
    """Raises StoreUnavailable."""
    if store in ("", ":memory:"):
        raise StoreUnavailable("A store is a file, so that it is there the next time. Give its path.")
    try:
        return str(Path(store).expanduser())
    except RuntimeError:  # no HOME, and no account
        raise StoreUnavailable(f"Nobody knows where the home folder in {store} is. Give an absolute path.") from None


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _forget_fresh(_connection: sqlite3.Connection, record: Any) -> None:
    if FRESH in record.info:
        record.invalidate()


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once: upgrading a read transaction would fail with "database is locked"."""
    write = connection.get_execution_options().get("speakerid_write", False)
    connection.exec_driver_sql(f"PRAGMA busy_timeout={WRITE_TIMEOUT_MS if write else READ_TIMEOUT_MS}")
    if write:
        _use_log(connection)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _use_log(connection: Connection) -> None:
    """Write-ahead log. While another process turns it on in a new store, SQLite refuses at once instead of waiting."""
    deadline = time.monotonic() + WRITE_TIMEOUT_MS / 1000
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)
