"""A store alone, for commands that need no encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from speakerid.cli.options import Store
from speakerid.cli.settings import read_settings

if TYPE_CHECKING:
    from speakerid.db.engine import Database


@contextmanager
def open_store(options: Store, *, newest_schema: bool = True) -> Iterator[Database]:
    """Raises SettingsError, StoreError."""
    from speakerid.db.engine import open_database  # SQLAlchemy and Alembic: 0.5 s
    from speakerid.db.migrate import upgrade

    database = open_database(read_settings(store=options.store).store)
    try:
        if newest_schema:
            upgrade(database)
        yield database
    finally:
        database.close()
