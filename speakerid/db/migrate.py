"""Bring a store to the newest schema with Alembic. Safe to run from several processes at once."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

import speakerid
from speakerid.db.engine import Database
from speakerid.db.models import GalleryRow
from speakerid.errors import StoreNewer, StoreSchemaUnknown

ADVISORY_LOCK = 7_240_119  # any number; the same in every process that migrates
_CONTRADICTION = re.compile("already exists|duplicate column|no such (table|column)|does not exist")


def migrations_dir() -> Path:
    """Inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(speakerid.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def upgrade(database: Database) -> str:
    """Run what is missing and return the revision reached. A store at the newest one is only read.

    Raises StoreNewer for a store of a later version, StoreSchemaUnknown for one that no version made.
    """
    newest = head() or ""
    with database.read() as db:
        if _known(db.connection()) == newest:
            return newest
    with database.write() as db:
        _migrate(database, db.connection())
    database.checkpoint()  # a copy of the file alone has all tables from now on
    return newest


def require_known(database: Database) -> None:
    """Raises StoreNewer, StoreSchemaUnknown, also for a store without tables."""
    with database.read() as db:
        if _known(db.connection()) is None:
            raise StoreSchemaUnknown("no tables")


def _known(connection: Connection) -> str | None:
    """The revision of the store, None for an empty one. Raises StoreNewer, StoreSchemaUnknown."""
    found, scripts = revision(connection), ScriptDirectory(str(migrations_dir()))
    if found is None:
        if inspect(connection).has_table(GalleryRow.__tablename__):
            raise StoreSchemaUnknown("tables of speakerid, but no schema revision")
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    if found in known:
        return found
    if found.isdecimal() and found > max(known):
        raise StoreNewer(f"The store was made by a later version of speakerid ({found}). Upgrade speakerid.")
    raise StoreSchemaUnknown(f"schema revision {found!r}, which is none of {min(known)} to {max(known)}")


def _migrate(database: Database, connection: Connection) -> None:
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
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    return ScriptDirectory(str(migrations_dir())).get_current_head()
