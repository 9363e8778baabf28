"""Speech in folders: VoxCeleb in the layouts people have it in, or any folder with one sub-folder per speaker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from speakerid.audio.speaker_tree import AUDIO_SUFFIXES
from speakerid.evaluation.corpora.corpus import Corpus, CorpusRecording, audio_files, key, made
from speakerid.evaluation.errors import NoRecordings

VOXCELEB_KEY = re.compile(r"(?P<speaker>id\d{5})/[^/]+/[^/]+")
FLAT = re.compile(r"(?P<speaker>id\d{5})[-_](?P<session>[\w-]{11})[-_](?P<number>\d+)")  # a session is a video's id


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
    return made(root, "VoxCeleb", found) if found else None


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
    return made(
        root,
        "a folder per speaker",
        (
            CorpusRecording(name.as_posix(), path, name.parts[0] if len(name.parts) > 1 else None)
            for name, path in zip(relative, files, strict=True)
        ),
    )
