"""Where a command works: on a store of this machine, or on a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from speakerid.cli.options import Place, Target
from speakerid.cli.settings import read_settings

if TYPE_CHECKING:
    from speakerid.cli.local import Local
    from speakerid.client import Client

    Voices = Client | Local  # the same verbs, the same JSON answers


@contextmanager
def open_voices(place: Place) -> Iterator[Voices]:
    """Raises SettingsError, StoreError, EncoderError; typer.BadParameter for options that exclude each other."""
    gallery = place.gallery if isinstance(place, Target) else "default"
    url = server_url(place)
    if url is None:
        from speakerid.cli.local import Local  # numpy, SQLAlchemy, onnxruntime: 1.2 s

        with Local.open(read_settings(store=place.store, encoder=place.encoder), gallery) as local:
            yield local
    else:
        from speakerid.client import Client

        with Client(url, place.key, gallery) as client:
            yield client


def server_url(place: Place) -> str | None:
    """What is typed wins over SPEAKERID_URL."""
    if place.url is not None and (place.store is not None or place.encoder is not None):
        raise typer.BadParameter("--url names a server, which has its own store and encoder. Leave them out.")
    if place.store is not None or place.encoder is not None:
        return None
    return place.url or os.environ.get("SPEAKERID_URL") or None
