"""Open a store: SQLite in WAL mode with full sync, or PostgreSQL. One object hands out read and write transactions."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from speakerid.db import erasure
from speakerid.db.erasure import FINISH, Effort
from speakerid.db.store_file import turns
from speakerid.errors import InvalidRequest, Overloaded, StoreUnavailable
from speakerid.errors.extras import how_to_install

logger = logging.getLogger(__name__)

Handle = Session  # one open transaction: what services and repositories are given
BUSY_TIMEOUT_MS = 30_000
RETRY_S = 0.01
FULL_BYTES = 1024 * 1024  # fewer are free: a small write may find a place in the log, an enrollment does not
SHORT_OF_DISK_BYTES = 64 * 1024 * 1024
READ_ONLY = "readonly database"  # in SQLite's own words
UNWRITABLE = "The store can be read, but not written to: its disk may be full. The server's log has the cause."
# DatabaseError itself is SQLite's "file is not a database"; its subclasses are about one statement.
ABOUT_THE_STORE = (OperationalError, InterfaceError, DatabaseError)
# A request thread needs one connection at a time; the API runs 40 of them.
POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 40, "hide_parameters": True}  # names stay out of logged errors
PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous=FULL",  # an acknowledged enrollment survives power loss
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # erased rows are overwritten with zeros
    "PRAGMA temp_store=MEMORY",  # no name in a temporary file
    "PRAGMA wal_autocheckpoint=100",  # pages: a copy of the file alone misses the last few changes, not the last 1,000
)


class Database:
    """Transactions over one store. `read()` never blocks writers; `write()` commits once, when its block ends well."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.file = Path(engine.url.database or "") if self.is_sqlite else None
        self.trouble: str | None = None  # why the last write failed, if the store is to blame
        self._writer = engine.execution_options(speakerid_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _reachable(), Session(self.engine, expire_on_commit=False) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Session]:
        made = Session(self._writer, expire_on_commit=False)
        with self._turn(), self._noting_trouble(), _reachable(), made as db, db.begin():
            yield db

    def scrub(self, effort: Effort = FINISH) -> bool:
        """Leave nothing of erased rows in the files of a SQLite store. Whether that is done; what fails is logged."""
        if self.file is None:
            return True
        try:
            return erasure.scrub(self.file, effort)
        except (sqlite3.DatabaseError, OSError, ValueError) as error:  # the erasure itself is committed
            logger.warning("traces of erased rows stay in the store's files for now: %s", error)
            return False

    def checkpoint(self) -> None:
        """Bring what was committed from SQLite's log to its file, as far as no reader is in the way."""
        if self.file is not None:
            with _reachable(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def unwritable(self) -> str | None:
        """Why nothing can be written now. Writes only where the disk is nearly full, or the last write failed."""
        free = self._free_bytes()
        if self.trouble is None and (free is None or free >= SHORT_OF_DISK_BYTES):
            return None
        try:
            with self.write() as db:
                db.execute(text("UPDATE alembic_version SET version_num = version_num"))
        except StoreUnavailable:
            return UNWRITABLE
        return UNWRITABLE if free is not None and free < FULL_BYTES else None

    def _free_bytes(self) -> int | None:
        """On the disk of a SQLite store."""
        if self.file is None:
            return None
        try:
            at = os.statvfs(self.file.resolve().parent)
        except OSError:
            return FULL_BYTES  # who knows: it is tried out
        return at.f_bavail * at.f_frsize

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Threads of this process write to a SQLite store in the order they came."""
        if self.file is None:
            yield
            return
        with turns(self.file).turn(BUSY_TIMEOUT_MS / 1000) as mine:
            if not mine:
                raise StoreUnavailable("The store is busy: others have written to it for too long. Try again later.")
            yield

    @contextmanager
    def _noting_trouble(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable as error:
            self.trouble = str(error)
            if READ_ONLY in self.trouble:  # SQLite opens a file so that cannot be written then, and never looks again
                self.engine.dispose()
            raise
        self.trouble = None


def open_database(store: str | Path) -> Database:
    """`store` is a path (SQLite) or a `postgresql://` URL. Raises StoreUnavailable for anything else."""
    url = store_url(store)
    if url.get_backend_name() != "sqlite":
        return Database(_postgresql(url))
    engine = create_engine(url, **POOL)
    event.listen(engine, "do_connect", _create_for_us_alone)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return Database(engine)


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, **POOL)
    except ModuleNotFoundError as error:
        raise StoreUnavailable(f"PostgreSQL needs an extra. {how_to_install('postgres')}") from error


def store_url(store: str | Path) -> URL:
    if "://" not in str(store):
        return URL.create("sqlite", database=str(Path(store).expanduser()))
    try:
        url = make_url(str(store))
    except ArgumentError:
        raise StoreUnavailable("The store URL cannot be read. Give a path or postgresql://user@host/name.") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreUnavailable(f"Stores of kind {url.drivername!r} are not supported. Give a path or postgresql://…")
    return url


def _create_for_us_alone(_dialect: object, _record: object, arguments: Any, _options: object) -> None:
    """A new store is its owner's alone, whatever the umask; SQLite gives its log the same mode."""
    with suppress(OSError):  # it is there already, or SQLite will report what is wrong
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy wants it, not where the driver guesses
    for pragma in PRAGMAS:
        connection.execute(pragma)
    _use_log(connection)


def _use_log(connection: Any) -> None:
    """Write-ahead log. While another process turns it on in a new store, SQLite refuses at once instead of waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: upgrading a read transaction would fail with "database is locked".
    write = connection.get_execution_options().get("speakerid_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise InvalidRequest("The store cannot keep one of these values, such as a NUL character.") from error
    except PoolTimeoutError as error:
        raise Overloaded from error
    except DBAPIError as error:
        if type(error) not in ABOUT_THE_STORE:
            raise
        cause = " ".join(str(error.orig).split())
        raise StoreUnavailable(f"The store does not answer: {cause}. Check its path, disk and server.") from error
