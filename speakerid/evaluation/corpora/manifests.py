"""Corpora written down in one file: NeMo's JSON lines, or CSV with a header."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.evaluation.corpora.corpus import Corpus, CorpusRecording, made
from speakerid.evaluation.errors import BadEntry
from speakerid.evaluation.trials.table import decoded, read_bytes

Entry = tuple[int, Mapping[str, Any]]  # line number and fields


@dataclass(frozen=True)
class Columns:
    path: tuple[str, ...]
    speaker: tuple[str, ...]
    start: tuple[str, ...]
    duration: tuple[str, ...]
    name: tuple[str, ...]


NEMO = Columns(("audio_filepath", "audio_file"), ("label", "speaker"), ("offset",), ("duration",), ("uniq_id",))
CSV = Columns(
    ("path", "file", "wav", "audio", "filename"),
    ("speaker", "spk_id", "speaker_id", "spk", "label"),
    ("start_s", "offset"),
    ("duration_s",),
    ("id", "utterance", "name"),
)


def read_nemo(file: Path) -> Corpus:
    """A JSON object a line with audio_filepath and label. Raises BadEntry."""
    return _corpus(file, "NeMo manifest", NEMO, _json_lines(file))


def read_csv(file: Path) -> Corpus:
    """With a header that names at least `path` and `speaker`. Raises BadEntry."""
    lines = decoded(file, read_bytes(file))
    reader = csv.DictReader(lines)
    return _corpus(file, "CSV file", CSV, ((reader.line_num, row) for row in reader))


def _json_lines(file: Path) -> Iterator[Entry]:
    for line, text in enumerate(decoded(file, read_bytes(file)), 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except ValueError as error:
            raise BadEntry(file, line, f"this is not JSON ({error}).") from None
        if not isinstance(entry, dict):
            raise BadEntry(file, line, "expected is one JSON object a line.")
        yield line, entry


def _corpus(file: Path, layout: str, columns: Columns, entries: Iterator[Entry]) -> Corpus:
    found: dict[str, CorpusRecording] = {}
    for line, entry in entries:
        one = _recording(file, columns, line, entry)
        if found.setdefault(one.name, one) is not one:
            raise BadEntry(file, line, f"{one.name!r} came before. Give each entry a name of its own.")
    return made(file, layout, found.values())


def _recording(file: Path, columns: Columns, line: int, entry: Mapping[str, Any]) -> CorpusRecording:
    path, speaker = _field(entry, columns.path), _field(entry, columns.speaker)
    if path is None:
        raise BadEntry(file, line, f"no {columns.path[0]!r}. Known names of this entry are {', '.join(columns.path)}.")
    start_s = _seconds(file, line, _field(entry, columns.start)) or 0.0
    duration_s = _seconds(file, line, _field(entry, columns.duration))
    beside = file.parent / path
    part = f"@{start_s:g}" if start_s or duration_s is not None else ""  # one file may hold many utterances
    return CorpusRecording(
        _field(entry, columns.name) or path + part,
        beside if beside.is_file() else Path(path),
        speaker,
        start_s,
        duration_s,
    )


def _field(entry: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    found = next((entry[name] for name in names if entry.get(name) not in (None, "")), None)
    return None if found is None else str(found)


def _seconds(file: Path, line: int, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0.0:
        raise BadEntry(file, line, f"{text!r} is no time in seconds.")
    return seconds
