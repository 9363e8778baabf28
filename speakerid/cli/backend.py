"""Where a command works: on a store of this machine, or on a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import typer

from speakerid.cli.options import COMMAND, Place, Store, StoreOrServer, Target, read_settings

if TYPE_CHECKING:
    from speakerid.bootstrap import Access
    from speakerid.cli.store_operations import StoreOperations
    from speakerid.client import Client
    from speakerid.client.operations import Operations
    from speakerid.db.engine import Database
    from speakerid.settings import Settings
    from speakerid.verbs import SpeakerID


@contextmanager
def open_backend(place: Place, access: Access = "read") -> Iterator[SpeakerID | Client]:
    """The same verbs of either; `access` to a store of this machine: see `build_engine`.

    Raises SettingsError, StoreError, EncoderError, typer.BadParameter.
    """
    gallery = place.gallery if isinstance(place, Target) else "default"
    url = server_url(place)
    if url is None:
        from speakerid.bootstrap import build_engine  # numpy, SQLAlchemy, onnxruntime: 1.2 s
        from speakerid.verbs import SpeakerID

        settings = read_settings(store=place.store, encoder=place.encoder)
        with SpeakerID(build_engine(settings, access=access), gallery) as sid:
            if access != "read":
                sid.engine.database.require_writable()  # before any audio is worked on
            with _on_behalf(settings, gallery):
                yield sid
    else:
        from speakerid.client import Client

        with Client(url, place.key, gallery) as client:
            yield client


@contextmanager
def open_operations(place: StoreOrServer) -> Iterator[StoreOperations | Operations]:
    """Keys and the access log of either. Raises SettingsError, StoreError, typer.BadParameter."""
    url = server_url(place)
    if url is None:
        from speakerid.cli.store_operations import StoreOperations  # SQLAlchemy: 0.5 s

        with open_store(place) as database:
            yield StoreOperations(database)
    else:
        from speakerid.client import Client

        with Client(url, place.key) as client:
            yield client.operations


def is_local(place: StoreOrServer) -> bool:
    """Raises typer.BadParameter."""
    return server_url(place) is None


def server_url(place: StoreOrServer) -> str | None:
    """What is typed wins over SPEAKERID_URL."""
    here = place.store is not None or (isinstance(place, Place) and place.encoder is not None)
    if place.url is not None and here:
        raise typer.BadParameter("--url names a server, which has its own store and encoder. Leave them out.")
    if here:
        return None
    return place.url or os.environ.get("SPEAKERID_URL") or None


def _on_behalf(settings: Settings, gallery: str | None) -> AbstractContextManager[None]:
    """The access log has what a command changes."""
    from speakerid.db.asked import LOCAL, Asked, asking

    command = Asked(key_id=LOCAL, action=COMMAND.get(), gallery=gallery, often=True)
    return asking(command if settings.access_log_days else None)


@contextmanager
def open_store(
    options: Store, *, create: bool = False, newest_schema: bool = True, unlocked: bool = True
) -> Iterator[Database]:
    """A store alone, for commands that need no encoder; one that is missing is made with `create`.

    Raises SettingsError, StoreError.
    """
    from speakerid.db.cipher import MasterKey
    from speakerid.db.engine import open_database  # SQLAlchemy and Alembic: 0.5 s
    from speakerid.db.migrate import upgrade
    from speakerid.db.unlock import unlock

    settings = read_settings(store=options.store)
    database = open_database(settings.store, create=create)
    try:
        if newest_schema:
            upgrade(database)
        if newest_schema and unlocked:
            unlock(database, MasterKey.given(settings.master_key_file))
        with _on_behalf(settings, None):
            yield database
    finally:
        database.close()
