"""Column types shared by the models: ids, UTC times and embeddings."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, TypeDecorator
from ulid import ULID

from speakerid.types import FloatArray

# SQLite only gives automatic row ids to INTEGER columns; PostgreSQL needs 64 bits to be asked for.
Key = BigInteger().with_variant(Integer(), "sqlite")


def new_id(prefix: str) -> str:
    """A ULID behind a short prefix, for example `spk_01H…`: sorts by creation time."""
    return f"{prefix}_{ULID()}"


def now() -> datetime:
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC; SQLite drops the zone, so it is put back when a row is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Vector(TypeDecorator[FloatArray]):
    """One embedding `(dim,)` as little-endian float32 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: FloatArray | None, dialect: Dialect) -> bytes | None:
        return None if value is None else np.asarray(value, "<f4").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> FloatArray | None:
        return None if value is None else np.frombuffer(value, "<f4").astype(np.float32)
