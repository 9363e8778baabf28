"""Speech as it lies on disk: folders, VoxCeleb's layouts, Kaldi directories, NeMo's JSON lines, CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.audio.files import AUDIO_SUFFIXES
from speakerid.evaluation.corpus import Corpus, CorpusRecording, audio_files, corpus_of, key
from speakerid.evaluation.errors import BadEntry, NoRecordings
from speakerid.evaluation.tables import decoded, read_bytes

Entry = tuple[int, Mapping[str, Any]]  # line number and fields
VOXCELEB_KEY = re.compile(r"(?P<speaker>id\d{5})/[^/]+/[^/]+")
FLAT = re.compile(r"(?P<speaker>id\d{5})[-_](?P<session>[\w-]{11})[-_](?P<number>\d+)")  # a session is a video's id


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
    return corpus_of(file, layout, found.values())


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


def read_folder(root: Path) -> Corpus:
    """Raises NoRecordings."""
    if not root.is_dir():
        raise NoRecordings(root)
    files = list(audio_files(root, AUDIO_SUFFIXES))
    if not files:
        raise NoRecordings(root)
    return _voxceleb(root, files) or _per_speaker(root, files)


def _voxceleb(root: Path, files: Sequence[Path]) -> Corpus | None:
    """`wav/id…/session/file`, `dev/wav` beside `test/wav`, `id…/session/file` or files named `id…-session-number`."""
    found = [one for path in files if (one := _voxceleb_recording(path)) is not None]
    return corpus_of(root, "VoxCeleb", found) if found else None


def _voxceleb_recording(path: Path) -> CorpusRecording | None:
    if nested := VOXCELEB_KEY.fullmatch(key(path.as_posix())):
        return CorpusRecording(key(path.as_posix()) + path.suffix, path, nested["speaker"])
    if flat := FLAT.fullmatch(path.stem):
        return CorpusRecording(
            "/".join(flat.group("speaker", "session", "number")) + path.suffix, path, flat["speaker"]
        )
    return None


def _per_speaker(root: Path, files: Sequence[Path]) -> Corpus:
    """Named by their path below `root`; the first folder is the speaker, files beside the folders have none."""
    relative = [path.relative_to(root) for path in files]
    return corpus_of(
        root,
        "a folder per speaker",
        (
            CorpusRecording(name.as_posix(), path, name.parts[0] if len(name.parts) > 1 else None)
            for name, path in zip(relative, files, strict=True)
        ),
    )


def is_kaldi(root: Path) -> bool:
    return (root / "wav.scp").is_file()


def read_kaldi(root: Path) -> Corpus:
    """Relative paths count from the directory, else from where the command runs, as in Kaldi. Raises BadEntry."""
    waves = _waves(root / "wav.scp")
    names = root / "utt2spk"
    speakers = {name: speaker for _, name, speaker in _entries(names)} if names.is_file() else {}
    cuts = _segments(root / "segments", waves) if (root / "segments").is_file() else _whole(root, waves)
    return corpus_of(
        root,
        "Kaldi directory",
        (CorpusRecording(one.name, one.path, speakers.get(one.name), one.start_s, one.duration_s) for one in cuts),
    )


def _whole(root: Path, waves: dict[str, str]) -> Iterator[CorpusRecording]:
    return (CorpusRecording(name, _placed(root, path)) for name, path in waves.items())


def _segments(file: Path, waves: dict[str, str]) -> Iterator[CorpusRecording]:
    """`utterance recording start end`, in seconds."""
    for line, name, rest in _entries(file):
        recording, start, end = [*rest.split(), "", "", ""][:3]
        if recording not in waves:
            raise BadEntry(file, line, f"recording {recording!r} is not in wav.scp.")
        try:
            start_s, end_s = float(start), float(end)
        except ValueError:
            raise BadEntry(file, line, "expected is: utterance recording start end, in seconds.") from None
        if not 0.0 <= start_s < end_s:
            raise BadEntry(file, line, f"the segment from {start_s:g} to {end_s:g} s is empty.")
        yield CorpusRecording(name, _placed(file.parent, waves[recording]), None, start_s, end_s - start_s)


def _placed(root: Path, path: str) -> Path:
    beside = root / path  # an absolute path stays as it is
    return beside if beside.is_file() else Path(path)


def _waves(file: Path) -> dict[str, str]:
    """Commands in wav.scp are refused, not run: lists come from elsewhere."""
    waves = dict[str, str]()
    for line, name, path in _entries(file):
        if path.endswith("|"):
            raise BadEntry(file, line, "this entry is a command, and commands are not run. Write the audio to files.")
        waves[name] = path
    return waves


def _entries(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, first field, the rest."""
    seen = set[str]()
    for line, text in enumerate(decoded(file, read_bytes(file)), 1):
        fields = text.split(maxsplit=1)
        if not fields:
            continue
        if len(fields) < 2 or fields[0] in seen:
            raise BadEntry(file, line, "the entry has no value." if len(fields) < 2 else f"{fields[0]!r} came before.")
        seen.add(fields[0])
        yield line, fields[0], fields[1].strip()


def open_corpus(root: Path) -> Corpus:
    """A folder, a Kaldi directory, a JSONL manifest or a CSV file. Raises RecordingsError, BadEntry."""
    if root.is_file():
        return read_csv(root) if root.suffix.lower() == ".csv" else read_nemo(root)
    return read_kaldi(root) if is_kaldi(root) else read_folder(root)
