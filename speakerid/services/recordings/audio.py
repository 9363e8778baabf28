"""The audio of a recording, read from the store piece by piece."""

from __future__ import annotations

import hashlib

from speakerid.audio.stored import Stored
from speakerid.db.repositories import recordings
from speakerid.services.engine import Engine

PIECE_BYTES = 1024 * 1024


class AudioGone(Exception):
    """The recording was erased while it was read."""


def stored(engine: Engine, key: int, size: int) -> Stored:
    """Reading it raises AudioGone."""

    def load(nth: int) -> bytes:
        with engine.read() as db:
            piece = recordings.piece(db, key, nth)
        if piece is None:
            raise AudioGone
        return piece

    return Stored(size, PIECE_BYTES, load)


def digest(engine: Engine, key: int, size: int) -> str:
    """SHA-256 of the bytes that were sent. Raises AudioGone."""
    data, found = stored(engine, key, size), hashlib.sha256()
    for at in range(0, size, PIECE_BYTES):
        found.update(data[at : at + PIECE_BYTES])
    return found.hexdigest()
