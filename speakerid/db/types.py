"""Column types shared by the models: ids, times and embeddings."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, TypeDecorator
from ulid import ULID

from speakerid.db.damage import UNREADABLE
from speakerid.types import FloatArray

# SQLite only gives automatic row ids to INTEGER columns; PostgreSQL needs 64 bits to be asked for.
Key = BigInteger().with_variant(Integer(), "sqlite")


def new_id(prefix: str) -> str:
    """A ULID behind a short prefix, for example `spk_01H…`: sorts by creation time."""
    return f"{prefix}_{ULID()}"


def now() -> datetime:
    return datetime.now(UTC)


class Vector(TypeDecorator[FloatArray]):
    """One embedding `(dim,)` as little-endian float32 bytes. What is no such thing is read as an empty one."""

    impl = LargeBinary
    cache_ok = True

    def compare_values(self, x: FloatArray | None, y: FloatArray | None) -> bool:
        return x is y or (x is not None and y is not None and np.array_equal(x, y))

    def process_bind_param(self, value: FloatArray | None, dialect: Dialect) -> bytes | None:
        return None if value is None else np.asarray(value, "<f4").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> FloatArray | None:
        if value is None:
            return None
        if not isinstance(value, bytes) or len(value) % 4:
            return UNREADABLE
        return np.frombuffer(value, "<f4").astype(np.float32)
