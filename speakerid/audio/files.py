"""Audio files on disk: read whole, within a bound, and found in a folder per speaker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from speakerid.errors import FileMissing, FileTooLarge

MAX_FILE_BYTES = 100 * 1024 * 1024
RECORDING_BYTES = 8 * 1024**3  # 12 hours of 16-bit stereo at 48 kHz; never read whole
AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".webm", ".m4a", ".mp4"}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read. Raises FileMissing, also for OSErrors of the block."""
    if not path.is_file():
        found = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise FileMissing(f"{str(path)!r} {found}. Check the path.")
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise FileMissing(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions.") from error


def read_file(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file. Raises FileMissing when it cannot be read, FileTooLarge above `max_bytes`."""
    with opened(Path(path)) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FileTooLarge(max_bytes)
    return data


def speaker_tree(root: Path) -> dict[str, list[Path]]:
    """Audio files by speaker, both sorted by name; files may lie in deeper folders. Raises FileMissing for none."""
    found = {
        folder.name: recordings(folder)
        for folder in (sorted(root.iterdir()) if root.is_dir() else [])
        if folder.is_dir()
    }
    tree = {name: files for name, files in found.items() if files}
    if not tree:
        raise FileMissing(
            f"{str(root)!r} has no sub-folder with audio files. Give a folder with one sub-folder per speaker."
        )
    return tree


def recordings(folder: Path) -> list[Path]:
    """Audio files in the folder and below it, sorted by name."""
    return sorted(file for file in folder.rglob("*") if _is_recording(file))


def _is_recording(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith(".") and file.is_file()
