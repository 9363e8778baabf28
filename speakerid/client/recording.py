"""Recordings to send: files or bytes."""

from __future__ import annotations

from pathlib import Path

from speakerid.client.errors import ClientError

Audio = str | Path | bytes  # a path, or the bytes of a file


def read(audio: Audio) -> bytes:
    """Raises ClientError `file_missing`."""
    if isinstance(audio, bytes):
        return audio
    try:
        return Path(audio).read_bytes()
    except OSError as error:
        raise unreadable(audio, error) from error


def unreadable(audio: str | Path, error: OSError) -> ClientError:
    return ClientError("file_missing", f"{str(audio)!r} cannot be read ({error.strerror}). Check the path.")
