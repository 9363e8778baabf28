"""Labeled recordings to train a classifier on: a folder for each label, or a table that names files and speakers."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.errors import MaterialTooLittle, MaterialUnusable

MIN_LABELS = 2
MIN_SPEAKERS = 2  # of each label
MIN_RECORDINGS = 5
COLUMNS = ("file", "label")  # of a table; `speaker` and `split` may follow
TEST = "test"  # in the column `split`: never trained on


@dataclass(frozen=True)
class LabeledRecording:
    path: Path
    label: str
    speaker: str | None  # None: not known
    held_out: bool = False


def read_material(data: Path) -> list[LabeledRecording]:
    """What lies in the folder or table `data`, in a fixed order. Raises MaterialUnusable.

    A folder holds one folder for each label. Folders inside that are speakers; recordings that lie directly in a
    label's folder are of no one in particular. A table (CSV) has the columns `file` and `label`, and may have
    `speaker` and `split`; its files are meant from its own folder.
    """
    found = _in_folder(data) if data.is_dir() else _in_table(data)
    if not found:
        raise MaterialUnusable(f"{data} holds no labeled recordings. Give a folder with one folder for each label.")
    return found


def _in_folder(data: Path) -> list[LabeledRecording]:
    labels = sorted(one for one in data.iterdir() if one.is_dir() and not one.name.startswith("."))
    return [
        LabeledRecording(path, label.name, path.relative_to(label).parts[0] if path.parent != label else None)
        for label in labels
        for path in sorted(label.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]


def _in_table(data: Path) -> list[LabeledRecording]:
    try:
        with data.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise MaterialUnusable(f"{data} has no column {missing[0]!r}. Its first line must name file and label.")
            return [_of_row(row, data, table.line_num) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MaterialUnusable(f"{data} cannot be read as a table ({error}). Give a folder or a CSV file.") from error


def _of_row(row: dict[str, str | None], data: Path, line: int) -> LabeledRecording:
    file, label = ((row.get(name) or "").strip() for name in COLUMNS)
    if not file or not label:
        raise MaterialUnusable(f"Line {line} of {data} lacks its file or its label.")
    speaker, split = ((row.get(name) or "").strip() for name in ("speaker", "split"))
    return LabeledRecording(data.parent / file, label, speaker or None, split.lower() == TEST)


def check_enough(material: Sequence[LabeledRecording]) -> None:
    """Raises MaterialTooLittle, naming the label that lacks recordings or speakers."""
    by_label: defaultdict[str, list[LabeledRecording]] = defaultdict(list)
    for one in material:
        by_label[one.label].append(one)
    if len(by_label) < MIN_LABELS:
        raise MaterialTooLittle(f"There is only the label {next(iter(by_label))!r}. A classifier needs two or more.")
    for label, found in by_label.items():
        speakers = {one.speaker for one in found if one.speaker is not None}
        if len(found) < MIN_RECORDINGS:
            raise MaterialTooLittle(f"{label!r} has {len(found)} recordings; {MIN_RECORDINGS} are needed.")
        if speakers and len(speakers) < MIN_SPEAKERS:
            raise MaterialTooLittle(
                f"All of {label!r} is spoken by one person: others would not be recognized. Add other speakers."
            )


def groups(material: Sequence[LabeledRecording]) -> list[str]:
    """Whose recording each is; where that is not known, each recording is its own."""
    return [f"speaker {one.speaker}" if one.speaker is not None else f"file {one.path}" for one in material]


def held_out_together(material: Sequence[LabeledRecording]) -> list[str]:
    """The groups of folds: speakers, or single recordings where a label has only one speaker."""
    return groups(material) if speakers_apart(material) else [f"file {one.path}" for one in material]


def speakers_apart(material: Sequence[LabeledRecording]) -> bool:
    """Whether speakers can be held out: they are known, and every label has several."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for one in material:
        owners[one.label].add(str(one.path) if one.speaker is None else one.speaker)
    known = any(one.speaker is not None for one in material)
    return known and all(len(each) >= MIN_SPEAKERS for each in owners.values())
