"""Disks fill up, folders are read-only: one named error for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speakerid.training.errors import CheckpointWriteFailed


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Raises `CheckpointWriteFailed` in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise CheckpointWriteFailed(Path(error.filename or out), error.strerror or str(error)) from error
