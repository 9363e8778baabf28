"""Kaldi data directories: wav.scp, utt2spk, segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speakerid.evaluation.corpora.corpus import Corpus, CorpusRecording, made
from speakerid.evaluation.errors import BadEntry
from speakerid.evaluation.trials.table import decoded, read_bytes


def is_kaldi(root: Path) -> bool:
    return (root / "wav.scp").is_file()


def read_kaldi(root: Path) -> Corpus:
    """Relative paths count from the directory, else from where the command runs, as in Kaldi. Raises BadEntry."""
    waves = _waves(root / "wav.scp")
    names = root / "utt2spk"
    speakers = {name: speaker for _, name, speaker in _entries(names)} if names.is_file() else {}
    cuts = _segments(root / "segments", waves) if (root / "segments").is_file() else _whole(root, waves)
    return made(
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
