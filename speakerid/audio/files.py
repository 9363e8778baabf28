"""Audio files on disk: read whole, within a bound, and found in a folder per speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from speakerid.errors import FileMissing, FileTooLarge
from speakerid.names import quoted_path

MAX_FILE_BYTES = 100 * 1024 * 1024
RECORDING_BYTES = 8 * 1024**3  # 12 hours of 16-bit stereo at 48 kHz; never read whole
URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/+\w")  # a Path keeps one slash of two; not the drive of C:/voices
AUDIO_SUFFIXES = {
    *(
        ".wav",
        ".flac",
        ".mp3",
        ".ogg",
        ".oga",
        ".opus",
        ".webm",
        ".m4a",
        ".m4b",
        ".mp4",
        ".aac",
        ".mov",
        ".mkv",
        ".mka",
    ),
    *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".w64", ".amr", ".3gp", ".3g2", ".wma", ".asf", ".avi"),
    *(".flv", ".mp2", ".ac3", ".eac3", ".wv", ".tta", ".ape", ".voc", ".sph", ".dss"),
}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read. Raises FileMissing, also for OSErrors of the block."""
    if URL.match(str(path)):
        raise FileMissing(f"{quoted_path(path)} is the address of something elsewhere. Download it, and give the file.")
    require_file(path)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise FileMissing(f"{quoted_path(path)} cannot be read ({error.strerror}). Check its permissions.") from error


def require_file(path: Path) -> None:
    """Raises FileMissing for what is no file: a device may have no end, a pipe no beginning."""
    if (fault := _fault(path)) is not None:
        raise FileMissing(f"{quoted_path(path)} {fault}. Check the path.")


def _fault(path: Path) -> str | None:
    """Why there is no file to read; None where there is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL or half a character in it
        return "does not exist"
    except OSError as error:  # a folder that may not be looked into, a name that is too long
        return f"cannot be read ({error.strerror})"
    if S_ISREG(mode):
        return None
    return "is a folder" if S_ISDIR(mode) else "is no regular file"


def read_file(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file. Raises FileMissing when it cannot be read, FileTooLarge above `max_bytes`."""
    with opened(Path(path)) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FileTooLarge(max_bytes)
    return data


def speaker_tree(root: Path) -> dict[str, list[Path]]:
    """Audio files of a corpus by speaker, both sorted by name; files may lie in deeper folders.

    Corpora are large and well kept: a file is what its suffix says. Raises FileMissing for none.
    """
    found = {
        folder.name: recordings(folder)
        for folder in (sorted(root.iterdir()) if root.is_dir() else [])
        if folder.is_dir() and not folder.name.startswith(".")
    }
    tree = {name: files for name, files in found.items() if files}
    if not tree:
        raise FileMissing(
            f"{quoted_path(root)} has no sub-folder with audio files. Give a folder with one sub-folder per speaker."
        )
    return tree


def recordings(folder: Path) -> list[Path]:
    """Files that are called audio in the folder and below it, none of them hidden, sorted by name."""
    return sorted(file for file in folder.rglob("*") if _is_recording(file, folder))


def _is_recording(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.suffix.lower() in AUDIO_SUFFIXES and not hidden and file.is_file()
