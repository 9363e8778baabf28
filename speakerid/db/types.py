"""Column types shared by the models: ids, times, JSON, embeddings, and the secrets of an encrypted store.

A secret has a `Sealed` type. In a plain store it is what it was. In an encrypted one what is written must be bound to
its row, which db/binding.py does for INSERT and UPDATE, or it is refused: nothing goes in as it is by mistake.

A bad sector, another program or a bug may leave values that no version of this project wrote. A row that holds one is
passed over, named, and kept as it is: it must not stop a start or spoil the answer for all.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine
from ulid import ULID

from speakerid.db import sealing
from speakerid.errors import NotSealed
from speakerid.types import FloatArray

if TYPE_CHECKING:
    from speakerid.db.keyring import Keyring

# SQLite only gives automatic row ids to INTEGER columns; PostgreSQL needs 64 bits to be asked for.
Key = BigInteger().with_variant(Integer(), "sqlite")
NORM_TOLERANCE = 1e-3  # as the index has it
UNREADABLE = np.zeros(0, np.float32)  # stands for a vector that is none
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # stands for a time that is none
Row = TypeVar("Row")
Value = TypeVar("Value")
Read = Callable[[Any], Any]


def new_id(prefix: str) -> str:
    """A ULID behind a short prefix, for example `spk_01H…`: sorts by creation time."""
    return f"{prefix}_{ULID()}"


def now() -> datetime:
    return datetime.now(UTC)


def time_of(text: object) -> datetime | None:
    """Of ISO 8601, in UTC where it names no zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def keyring_of(db: Session | Dialect) -> Keyring | None:
    """None where the store is not encrypted."""
    dialect = db.get_bind().dialect if isinstance(db, Session) else db
    return getattr(dialect, sealing.KEYRING, None)


class Sealed(TypeDecorator[Value]):
    """Of `column`, as in `speakers.name`. A subclass says what a value is in bytes, and what stands for damage."""

    __abstract__ = True
    cache_ok = True
    binary = True  # sealed values are kept as they are, not as base64

    def __init__(self, column: str, **options: Any) -> None:
        super().__init__(**options)
        self.column = column

    @property
    def selected(self) -> str:
        """The column that has the value when it is sealed."""
        return self.column

    def dump(self, value: Any) -> bytes:
        raise NotImplementedError

    def load(self, plain: bytes) -> Any:
        raise NotImplementedError

    def damaged(self) -> Any:
        raise NotImplementedError

    def plain(self, value: Any) -> Any:
        """What is written where nothing is sealed."""
        return value

    def reader(self, dialect: Dialect, coltype: object) -> Read:
        """Reads what is not sealed."""
        return super().result_processor(dialect, coltype) or (lambda value: value)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        if isinstance(column, sealing.Placed):
            return column
        return sealing.Placed(column, self, self.selected, binary=self.binary)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or keyring_of(dialect) is None:
            return None if value is None else self.plain(value)
        if not isinstance(value, sealing.Bound):
            raise NotSealed(self.column)
        return self.sealed(value.value, value.owner)

    def sealed(self, value: Any, owner: sealing.Owner) -> Any:
        plain = bytes(value) if isinstance(value, sealing.Raw) else self.dump(value)
        found = owner.key.seal(plain, f"{self.column}:{owner.place}:".encode())
        return found if self.binary else base64.b64encode(found).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Read:
        read, column = self.reader(dialect, coltype), f"{self.selected}:".encode()
        parted = sealing.bytes_parted if self.binary else sealing.text_parted

        def process(value: Any) -> Any:
            keyring: Keyring | None = getattr(dialect, sealing.KEYRING, None)
            if keyring is None or value is None:
                return read(value)
            try:
                place, found = parted(value)
                return self.load(keyring.opened(found, column + place))
            except (ValueError, RecursionError):
                return self.damaged()

        return process


class SealedText(Sealed[str]):
    impl = String
    cache_ok = True
    binary = False

    def __init__(self, column: str, length: int | None = None) -> None:
        super().__init__(column, length=length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Sealed text is longer; SQLite does not look at lengths."""
        longer = self.length is None or dialect.name == "postgresql"
        return Text() if longer else String(self.length)

    def dump(self, value: str) -> bytes:
        return value.encode()

    def load(self, plain: bytes) -> str:
        return plain.decode()

    def damaged(self) -> str:
        return sealing.DamagedText("\N{REPLACEMENT CHARACTER}")


class SealedBytes(Sealed[bytes]):
    impl = LargeBinary
    cache_ok = True

    def dump(self, value: bytes) -> bytes:
        return value

    def load(self, plain: bytes) -> bytes:
        return plain

    def damaged(self) -> bytes:
        return sealing.DamagedBytes()


class Digest(SealedText):
    """Is looked up by, and says nothing of what it was. Read as it is."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return str(value) if isinstance(value, sealing.Digested) else super().process_bind_param(value, dialect)

    def sealed(self, value: Any, owner: sealing.Owner) -> Any:
        text = value.decode(errors="replace") if isinstance(value, sealing.Raw) else value
        return owner.key.digest(text, self.column)

    def result_processor(self, dialect: Dialect, coltype: object) -> Read:
        return self.reader(dialect, coltype)


class Lookup(Digest):
    """Is looked up by; where it is sealed, what it says is beside it, in a column of its own."""

    cache_ok = True

    @property
    def selected(self) -> str:
        return self.column + sealing.SEALED_COPY

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return SealedText.column_expression(self, column)

    def result_processor(self, dialect: Dialect, coltype: object) -> Read:
        return SealedText.result_processor(self, dialect, coltype)


def looked_up(db: Session, column: InstrumentedAttribute[Any], gallery_key: int, text: str) -> ColumnElement[bool]:
    """That `column` of a row of this gallery is `text`."""
    keyring = keyring_of(db)
    if keyring is None:
        return column == text
    place: Digest = column.type  # of the columns that can be looked up
    return column == sealing.Digested(keyring.of_gallery(db.connection(), gallery_key).digest(text, place.column))


class Vector(Sealed[FloatArray]):
    """One embedding `(dim,)` as little-endian float32 bytes. What is no such thing is read as an empty one."""

    impl = LargeBinary
    cache_ok = True

    def compare_values(self, x: FloatArray | None, y: FloatArray | None) -> bool:
        return x is y or (x is not None and y is not None and np.array_equal(x, y))

    def dump(self, value: FloatArray) -> bytes:
        return np.asarray(value, "<f4").tobytes()

    def load(self, plain: bytes) -> FloatArray:
        return np.frombuffer(plain, "<f4").astype(np.float32)  # ValueError for what is not four bytes a number

    def plain(self, value: FloatArray) -> bytes:
        return self.dump(value)

    def damaged(self) -> FloatArray:
        return UNREADABLE

    def reader(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        def read(value: Any) -> FloatArray | None:
            if value is None:
                return None
            return self.load(value) if isinstance(value, bytes) and not len(value) % 4 else UNREADABLE

        return read


class Json(TypeDecorator[Any]):
    """A JSON object or array. What is neither is read as an empty `DamagedDict` or `DamagedList`."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[Any], none_as_null: bool = False) -> None:
        super().__init__(none_as_null=none_as_null)
        self.kind = kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _json_reader(super().result_processor(dialect, coltype), self.kind)


class SealedJson(Sealed[Any]):
    """The same with a secret in it. Sealed, it is a JSON string."""

    impl = JSON
    cache_ok = True
    binary = False

    def __init__(self, column: str, kind: type[Any], none_as_null: bool = False) -> None:
        super().__init__(column, none_as_null=none_as_null)
        self.kind, self.none_as_null = kind, none_as_null

    def dump(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def load(self, plain: bytes) -> Any:
        found = json.loads(plain)
        return found if isinstance(found, self.kind) else self.damaged()

    def damaged(self) -> Any:
        return sealing.DamagedDict() if self.kind is dict else sealing.DamagedList()

    def reader(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return _json_reader(super().reader(dialect, coltype), self.kind)


def _json_reader(read: Callable[[Any], Any] | None, kind: type[Any]) -> Callable[[Any], Any]:
    damaged = sealing.DamagedDict if kind is dict else sealing.DamagedList

    def process(value: Any) -> Any:
        try:
            found = read(value) if read else value
        except (ValueError, TypeError, RecursionError):
            return damaged()
        return found if found is None or isinstance(found, kind) else damaged()

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
    """Of JSON, or of anything that was sealed."""
    return isinstance(value, sealing.DamagedDict | sealing.DamagedList | sealing.DamagedText | sealing.DamagedBytes)


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


def usual_dim(vectors: Sequence[Sized | None]) -> int:
    """The most common length, of two the longer: damage shortens. 0 where there is no vector."""
    lengths = Counter(len(one) for one in vectors if one is not None and len(one))
    return max(lengths, key=lambda length: (lengths[length], length), default=0)
