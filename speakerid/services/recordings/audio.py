"""The audio of a recording, read from the store piece by piece."""

from __future__ import annotations

from speakerid.audio.chunked_source import ChunkedSource
from speakerid.db.repositories import recordings
from speakerid.services.engine import Engine

PIECE_BYTES = 1024 * 1024


class AudioGone(Exception):
    """The recording was erased while it was read."""


def stored(engine: Engine, key: int, size: int) -> ChunkedSource:
    """Reading it raises AudioGone."""

    def load(nth: int) -> bytes:
        with engine.read() as db:
            piece = recordings.piece(db, key, nth)
        if piece is None:
            raise AudioGone
        return piece

    return ChunkedSource(size, PIECE_BYTES, load)
