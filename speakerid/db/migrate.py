"""Bring a store to the newest schema with Alembic. Safe to run from several processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

import speakerid
from speakerid.db.engine import Database
from speakerid.errors import StoreNewer

ADVISORY_LOCK = 7_240_119  # any number; the same in every process that migrates


def migrations_dir() -> Path:
    """Inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(speakerid.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def upgrade(database: Database) -> str:
    """Run what is missing and return the revision reached. Raises StoreNewer for a store of a later version."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    with database.write() as db:
        connection = db.connection()
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ADVISORY_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreNewer(
                f"The store was made by a later version of speakerid ({error}). Upgrade speakerid."
            ) from error
        return revision(connection) or ""


def revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    return ScriptDirectory(str(migrations_dir())).get_current_head()
