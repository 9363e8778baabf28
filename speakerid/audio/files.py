"""Audio files on disk: read whole, within a bound, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

from speakerid.errors import FileMissing, FileTooLarge

MAX_FILE_BYTES = 100 * 1024 * 1024
RECORDING_BYTES = 8 * 1024**3  # 12 hours of 16-bit stereo at 48 kHz; never read whole


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
