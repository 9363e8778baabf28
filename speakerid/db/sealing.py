"""A secret on its way: bound to its row on the way into the store, behind its row's identity on the way out.

The identity is put there by the SELECT itself (`Placed`), so that a value opens only where it belongs. What does not
open, or cannot be read otherwise, is read as something that says so.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine

from speakerid.db.cipher import DataKey

KEYRING = "speakerid_keyring"  # of a dialect: each engine has its own
SEALED_COPY = "_sealed"  # how the column ends that has the value of a `Lookup`
OF_RECORDING = "recording_key"  # of tables whose gallery is their recording's
# What names a row before it is written; `id` where nothing is said.
NAMED_BY = {"recording_pieces": (OF_RECORDING, "nth"), "hearings": (OF_RECORDING, "label")}


@dataclass(frozen=True)
class Owner:
    """Which row a value is of: its gallery's key, and gallery and identity as `Placed` has them."""

    key: DataKey
    place: str


@dataclass(frozen=True, repr=False)
class Bound:
    """A value on its way into a row."""

    value: Any
    owner: Owner


class Digested(str):
    """What a value is looked up by."""

    __slots__ = ()


class Raw(bytes):
    """A value as the store had it before it was encrypted."""

    __slots__ = ()


class DamagedText(str):
    """Stands for a text that does not open."""

    __slots__ = ()


class DamagedBytes(bytes):
    """Stands for bytes that do not open."""

    __slots__ = ()


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


class Placed(ColumnElement[Any]):
    """A column of a row, behind the row's gallery and identity; the column alone where nothing is sealed."""

    inherit_cache = False

    def __init__(self, column: Any, as_type: TypeEngine[Any], selected: str, *, binary: bool) -> None:
        """`selected` as in `speakers.name`; `binary`: it is kept as bytes, not as text."""
        self.wanted, self.type, self.selected, self.binary = column, as_type, selected, binary


@compiles(Placed)
def _select(element: Placed, compiler: Any, **options: Any) -> str:
    options.pop("add_to_result_map", None)

    def of(column: str) -> str:
        return str(compiler.process(element.wanted.table.c[column], **options))

    if getattr(compiler.dialect, KEYRING, None) is None:
        return str(compiler.process(element.wanted, **options))
    table, column = element.selected.split(".")
    named = NAMED_BY.get(table, ("id",))
    value = of(column)
    gallery = of("gallery_key") if named == ("id",) else _gallery_of_recording(of(OF_RECORDING))
    place = " || ':' || ".join([gallery, " || '/' || ".join(of(one) for one in named)]) + " || ':'"
    if compiler.dialect.name == "sqlite":
        return f"CAST({place} || {value} AS BLOB)"  # also of texts: what is no UTF-8 would stop the whole query
    return f"(convert_to({place}, 'UTF8') || {value})" if element.binary else f"({place} || CAST({value} AS TEXT))"


def _gallery_of_recording(key: str) -> str:
    return f"(SELECT owning.gallery_key FROM recordings AS owning WHERE owning.key = {key})"


def bytes_parted(value: bytes) -> tuple[bytes, bytes]:
    """The place in front, with its last colon, and the sealed value. Raises ValueError."""
    at = value.index(b":", value.index(b":") + 1) + 1
    return value[:at], value[at:]


def text_parted(value: str | bytes) -> tuple[bytes, bytes]:
    """The same for base64, which as JSON has quotes. Raises ValueError."""
    place, _, sealed = (value.decode("latin-1") if isinstance(value, bytes) else value).rpartition(":")
    try:
        return f"{place}:".encode(), base64.b64decode(sealed.strip('"'), validate=True)
    except binascii.Error as error:
        raise ValueError from error
