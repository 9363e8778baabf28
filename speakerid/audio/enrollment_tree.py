"""A folder with one sub-folder per speaker, as people and systems leave them: what to enroll, what to skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speakerid.audio.byte_source import mapped_file
from speakerid.audio.decode import read_announced
from speakerid.audio.files import AUDIO_SUFFIXES
from speakerid.audio.limits import RECORDING
from speakerid.errors import AudioError, FileMissing
from speakerid.names import quoted_path

# What systems leave behind, in lower case: passed over in silence, as is all that begins with a dot.
SYSTEM_NAMES = {
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin", "system volume information"),  # Windows, Mac
    *("__macosx", "lost+found", "@eadir", "#recycle"),  # archives of a Mac, Linux, disk stations
}


@dataclass(frozen=True)
class SkippedPath:
    path: Path
    reason: str  # a sentence


@dataclass(frozen=True)
class EnrollmentTree:
    files: dict[Path, tuple[Path, ...]]  # by the folder of their speaker, both sorted
    skipped: tuple[SkippedPath, ...]


def enrollment_tree(root: Path) -> EnrollmentTree:
    """All that the decoder knows by its content, in folders however deep; links are followed, once each.

    Raises FileMissing for none.
    """
    files, skipped = dict[Path, tuple[Path, ...]](), list[SkippedPath]()
    top = Path(os.path.realpath(root))
    around = {str(one) for one in (top, *top.parents)}
    for one in _inside(root, skipped):
        if not os.path.isdir(one):
            skipped.append(SkippedPath(one, "It lies in no speaker's folder."))
            continue
        found = [file for file in _below(one, around, skipped) if _is_audio(file, skipped)]
        if found:
            files[one] = tuple(sorted(found))
        else:
            skipped.append(SkippedPath(one, "It has no audio."))
    if not files:
        raise FileMissing(
            f"{quoted_path(root)} has no sub-folder with audio files. Give a folder with one sub-folder per speaker."
        )
    return EnrollmentTree(files, tuple(skipped))


def _inside(folder: Path, skipped: list[SkippedPath]) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not _is_the_systems(one.name))
    except OSError as error:
        skipped.append(SkippedPath(folder, f"It cannot be read ({error.strerror})."))
        return []


def _is_the_systems(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def _below(folder: Path, around: set[str], skipped: list[SkippedPath]) -> Iterator[Path]:
    """Files, in no order. A link that leads back, to a folder `around` all speakers or read before, is not followed."""
    waiting, seen = [folder], set(around)
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(here)
        if real in seen:
            skipped.append(SkippedPath(here, "It is a link that leads back."))
            continue
        seen.add(real)
        for one in _inside(here, skipped):
            if os.path.isdir(one):
                waiting.append(one)
            else:
                yield one


def _is_audio(file: Path, skipped: list[SkippedPath]) -> bool:
    """What is called audio is enrolled, or refused by name; of the rest only the content counts."""
    reason = _fault(file)
    if reason is not None:
        skipped.append(SkippedPath(file, reason))
    return reason is None


def _fault(file: Path) -> str | None:
    if not os.path.isfile(file):
        return "It is a link that leads nowhere." if os.path.islink(file) else "It is no regular file."
    if file.suffix.lower() in AUDIO_SUFFIXES:
        return None
    try:
        with mapped_file(file) as data:
            if not data:
                return "It is empty."
            read_announced(data, limits=RECORDING)
    except (AudioError, FileMissing) as error:
        return str(error)
    return None
