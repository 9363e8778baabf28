"""Bring a store to the newest schema with Alembic. Safe to run from several processes at once."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

import speakerid
from speakerid.db.engine import Database
from speakerid.db.models import GalleryRow
from speakerid.errors import StoreNewer, StoreReadOnly, StoreSchemaUnknown

ADVISORY_LOCK = 7_240_119  # any number; the same in every process that migrates
_CONTRADICTION = re.compile("already exists|duplicate column|no such (table|column)|does not exist")


def migrations_dir() -> Path:
    """Inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(speakerid.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def upgrade(database: Database) -> str:
    """Run what is missing and return the revision reached. A store at the newest one is only read.

    Raises StoreNewer for a store of a later version, StoreSchemaUnknown for one that no version made, StoreReadOnly.
    """
    newest = head() or ""
    with database.read() as db:
        found = _known(db.connection())
    if found == newest:
        return newest
    try:
        with database.write() as db:
            _migrate(database, db.connection())
    except StoreReadOnly:
        older = f"Its schema is of an older version ({found} of {newest}): run 'speakerid db upgrade' where it can be"
        raise StoreReadOnly(str(database.file), f"{older} written, or on a copy.") from None
    database.checkpoint()  # a copy of the file alone has all tables from now on
    return newest


def require_known(database: Database) -> None:
    """Raises StoreNewer, StoreSchemaUnknown, also for a store without tables."""
    with database.read() as db:
        if _known(db.connection()) is None:
            raise StoreSchemaUnknown("no tables")


def _known(connection: Connection) -> str | None:
    """The revision of the store, None for an empty one. Raises StoreNewer, StoreSchemaUnknown."""
    found, known = revision(connection), revisions()
    if found is None:
        tables = inspect(connection).get_table_names()
        if GalleryRow.__tablename__ in tables:
            raise StoreSchemaUnknown("tables of speakerid, but no schema revision")
        if tables and connection.dialect.name == "sqlite":  # a database of PostgreSQL may be shared
            raise StoreSchemaUnknown("tables of another program, and none of speakerid")
        return None
    if found in known:
        return found
    if found.isdecimal() and found > known[-1]:
        raise StoreNewer(f"The store was made by a later version of speakerid ({found}). Upgrade speakerid.")
    raise StoreSchemaUnknown(f"schema revision {found!r}, which is none of {known[0]} to {known[-1]}")


def _migrate(database: Database, connection: Connection) -> None:
    from alembic import command  # 0.3 s, which a store at the newest schema does not need
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ADVISORY_LOCK})
    try:
        command.upgrade(config, "head")
    except (OperationalError, ProgrammingError) as error:
        cause = " ".join(str(error.orig).split())
        if not _CONTRADICTION.search(cause):
            raise
        raise StoreSchemaUnknown(f"another schema than its revision says ({cause})") from error


def revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def revisions() -> list[str]:
    """Of all migrations, in their order: each file's name begins with its own."""
    scripts = migrations_dir() / "versions"
    return sorted(path.name.partition("_")[0] for path in scripts.glob("[0-9]*_*.py"))


def head() -> str | None:
    return max(revisions(), default=None)
