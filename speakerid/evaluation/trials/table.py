"""Text lists as rows of fields, with line numbers for whoever has to correct them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from speakerid.evaluation.errors import BadEntry, EmptyList, ListMissing


@dataclass(frozen=True)
class Table:
    """`rows[k]` stands on line `lines[k]`; blank lines are left out."""

    path: Path
    sha256: str
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


def read_table(path: Path) -> Table:
    """Fields are separated by what follows the first: a comma or blanks. Raises ListMissing, EmptyList."""
    content = read_bytes(path)
    numbered = [(number, text) for number, text in enumerate(decoded(path, content), 1) if text.strip()]
    if not numbered:
        raise EmptyList(path)
    separator = "," if "," in numbered[0][1].split()[0] else None
    rows = tuple(_fields(text, separator) for _, text in numbered)
    return Table(path, hashlib.sha256(content).hexdigest(), rows, tuple(number for number, _ in numbered))


def _fields(text: str, separator: str | None) -> tuple[str, ...]:
    return tuple(text.split()) if separator is None else tuple(field.strip() for field in text.split(separator))


def read_bytes(path: Path) -> bytes:
    """Raises ListMissing."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ListMissing(f"{path} cannot be read ({error.strerror}). Check the path.") from error


def decoded(path: Path, content: bytes) -> list[str]:
    """Its lines, a byte order mark taken off. Raises BadEntry for what is no text."""
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadEntry(path, line, "this is not UTF-8 text. Give a text file.") from None
