"""Column types shared by the models: ids, times, JSON and embeddings, and what stands for values that cannot be read.

A bad sector, another program or a bug may leave values that no version of this project wrote. A row that holds one is
passed over, named, and kept as it is: it must not stop a start or spoil the answer for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, LargeBinary, TypeDecorator
from ulid import ULID

from speakerid.types import FloatArray

# SQLite only gives automatic row ids to INTEGER columns; PostgreSQL needs 64 bits to be asked for.
Key = BigInteger().with_variant(Integer(), "sqlite")
NORM_TOLERANCE = 1e-3  # as the index has it
UNREADABLE = np.zeros(0, np.float32)  # stands for a vector that is none
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # stands for a time that is none
Row = TypeVar("Row")


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


class DamagedDict(dict[str, Any]):
    """Stands for JSON that cannot be read, where an object belongs. Equal to nothing: `{}` is written over it."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


class DamagedList(list[Any]):
    """Stands for JSON that cannot be read, where an array belongs. Equal to nothing: `[]` is written over it."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


class Json(TypeDecorator[Any]):
    """A JSON object or array. What is neither is read as an empty `DamagedDict` or `DamagedList`."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[Any], none_as_null: bool = False) -> None:
        super().__init__(none_as_null=none_as_null)
        self.kind = kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        read = super().result_processor(dialect, coltype)
        damaged = DamagedDict if self.kind is dict else DamagedList

        def process(value: Any) -> Any:
            try:
                found = read(value) if read else value
            except (ValueError, TypeError, RecursionError):
                return damaged()
            return found if found is None or isinstance(found, self.kind) else damaged()

        return process


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC; SQLite drops the zone, so it is put back when a row is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        read = super().result_processor(dialect, coltype)

        def process(value: Any) -> datetime | None:
            try:
                found: datetime | None = read(value) if read else value
            except (ValueError, TypeError):
                return LONG_AGO
            return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)

        return process


def is_damaged(value: object) -> bool:
    """Of a value that was read from a JSON column."""
    return isinstance(value, DamagedDict | DamagedList)


def is_sound(vector: FloatArray | None, dim: int | None = None) -> bool:
    """Whether it is a vector of length 1, and of `dim` numbers if that is known."""
    if vector is None or not len(vector) or len(vector) != (dim or len(vector)):
        return False
    return bool(abs(float(np.linalg.norm(vector)) - 1.0) <= NORM_TOLERANCE)  # also false for NaN


def sound(rows: Iterable[Row], vector: Callable[[Row], FloatArray | None], dim: int | None = None) -> list[Row]:
    """Those of `rows` with a sound vector, of `dim` numbers or, if that is not known, of as many as most have."""
    found = list(rows)
    dim = dim or usual_dim([vector(one) for one in found])
    return [one for one in found if is_sound(vector(one), dim)]


def usual_dim(vectors: Sequence[FloatArray | None]) -> int:
    """The most common length, of two the longer: damage shortens. 0 where there is no vector."""
    lengths = Counter(len(one) for one in vectors if one is not None and len(one))
    return max(lengths, key=lambda length: (lengths[length], length), default=0)
