"""Text lists as rows of fields, and which column is what.

Toolkits agree on blanks between columns and on little else. Line numbers are for whoever has to correct a list.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.evaluation.errors import (
    BadEntry,
    BadLine,
    EmptyList,
    ListMissing,
    MixedFormats,
    ScoreNotANumber,
    UnknownLabel,
)

LABELS = {
    "1": True, "target": True, "tgt": True, "true": True,
    "0": False, "nontarget": False, "non-target": False, "imp": False, "impostor": False, "false": False,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Places of the columns, counted from 0."""

    name: str
    width: int
    enroll: int
    test: int
    label: int | None = None
    score: int | None = None

    def fits(self, row: Sequence[str]) -> bool:
        return len(row) == self.width and self.label_fits(row) and self.score_fits(row)

    def label_fits(self, row: Sequence[str]) -> bool:
        return self.label is None or row[self.label].lower() in LABELS

    def score_fits(self, row: Sequence[str]) -> bool:
        return self.score is None or is_number(row[self.score])


VOXCELEB = Layout("label enroll test", 3, enroll=1, test=2, label=0)
KALDI_TRIALS = Layout("enroll test label", 3, enroll=0, test=1, label=2)
WESPEAKER = Layout("enroll test score label", 4, enroll=0, test=1, score=2, label=3)
SPEECHBRAIN = Layout("enroll test label score", 4, enroll=0, test=1, label=2, score=3)
LABEL_FIRST = Layout("label enroll test score", 4, label=0, enroll=1, test=2, score=3)
KALDI_SCORES = Layout("enroll test score", 3, enroll=0, test=1, score=2)

TRIALS = (VOXCELEB, KALDI_TRIALS)
SCORES = (WESPEAKER, SPEECHBRAIN, LABEL_FIRST, KALDI_SCORES)


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def without_header(table: Table, layouts: Sequence[Layout]) -> Table:
    """A first line of column names, such as `enroll,test,label`, is taken off."""
    names = {"label", "enroll", "enrol", "test", "score", "target", "utt1", "utt2", "file1", "file2"}
    is_header = all(field.lower() in names for field in table.rows[0]) and len(table.rows) > 1
    if not is_header or any(one.fits(table.rows[0]) for one in layouts):
        return table
    return Table(table.path, table.sha256, table.rows[1:], table.lines[1:])


def sniff(table: Table, layouts: Sequence[Layout]) -> list[Layout]:
    """The layouts that fit every row. Raises UnknownLabel, ScoreNotANumber, MixedFormats for the first row unfit."""
    left = [one for one in layouts if one.fits(table.rows[0])]
    for row, line in zip(table.rows, table.lines, strict=True):
        fitting = [one for one in left if one.fits(row)]
        if not fitting:
            raise _problem(table, line, row, left or layouts, layouts)
        left = fitting
    return left


def _problem(
    table: Table, line: int, row: Sequence[str], expected: Sequence[Layout], known: Sequence[Layout]
) -> BadLine:
    if any(one.fits(row) for one in known):
        return MixedFormats(table.path, line, f"the lines before it read {expected[0].name!r}. Use one format.")
    same_width = [one for one in expected if one.width == len(row)]
    if not same_width:
        wanted = " or ".join(repr(one.name) for one in expected)
        return MixedFormats(table.path, line, f"has {len(row)} columns; expected is {wanted}.")
    if any(one.label_fits(row) for one in same_width):
        scores = {row[one.score] for one in same_width if one.score is not None and one.label_fits(row)}
        return ScoreNotANumber(table.path, line, f"{' or '.join(sorted(scores))!r} is not a finite number.")
    labels = sorted({row[one.label] for one in same_width if one.label is not None})
    return UnknownLabel(
        table.path, line, f"no label in {labels}. Labels are 1 and 0, or target and nontarget (also tgt and imp)."
    )


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
