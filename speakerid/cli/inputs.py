"""What the FILE of a command may be: a file, a pipe such as `<(ffmpeg …)`, or `-` for stdin."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import typer

from speakerid.names import quoted_path

STDIN = Path("-")
PIPED_RECORDING_BYTES = 2 * 1024**3  # a pipe is read into memory; a file of a recording is not


def check_stdin(files: Sequence[Path]) -> None:
    """Raises typer.BadParameter where stdin is to be read twice, or by hand."""
    if files.count(STDIN) > 1:
        raise typer.BadParameter("- is stdin, which can be read only once. Give it once.")
    if STDIN in files and sys.stdin.isatty():
        raise typer.BadParameter("- is stdin, and nothing is piped into it. Pipe audio into it, or name a file.")


def audio_of(file: Path, max_bytes: int | None = None) -> Path | bytes:
    """The path of a file, or the bytes of a pipe, which are never written to a disk. Raises FileTooLarge, FileMissing.

    `max_bytes`: of a pipe, as many as a file of one speaker may have where it is None.
    """
    if file == STDIN:
        return _bytes(typer.get_binary_stream("stdin"), max_bytes)
    if not is_fifo(file):
        return file
    from speakerid.errors import FileMissing

    try:
        with file.open("rb") as pipe:
            return _bytes(pipe, max_bytes)
    except OSError as error:
        raise FileMissing(f"The pipe {quoted_path(file)} cannot be read ({error.strerror}).") from error


def is_fifo(file: Path) -> bool:
    try:
        return file.is_fifo()
    except OSError:  # whoever reads it says why
        return False


def _bytes(stream: IO[bytes], max_bytes: int | None) -> bytes:
    from speakerid.audio.files import MAX_FILE_BYTES
    from speakerid.errors import FileTooLarge

    limit = max_bytes or MAX_FILE_BYTES
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise FileTooLarge(limit)
    return data
