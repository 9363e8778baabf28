"""Audio files on disk: read whole, within a bound, and found in a folder per speaker."""

from __future__ import annotations

from pathlib import Path

from speakerid.errors import FileMissing, FileTooLarge

MAX_FILE_BYTES = 100 * 1024 * 1024
RECORDING_BYTES = 8 * 1024**3  # 12 hours of 16-bit stereo at 48 kHz; never read whole
AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".webm", ".m4a", ".mp4"}


def read_file(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Raises FileMissing when it is not a readable file, FileTooLarge above `max_bytes`."""
    path = Path(path)
    check_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise FileMissing(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions.") from error
    if len(data) > max_bytes:
        raise FileTooLarge(max_bytes)
    return data


def check_file(path: Path) -> None:
    """Raises FileMissing."""
    if not path.is_file():
        found = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise FileMissing(f"{str(path)!r} {found}. Check the path.")


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
