"""Checkpoints and what else a training run keeps: written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from speakerid.training.errors import CheckpointWriteFailed
from speakerid.whole_files import write_whole


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Raises `CheckpointWriteFailed` on a full disk and the like; what stood at `path` before then still stands."""
    try:
        write_whole(path, write)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        raise CheckpointWriteFailed(path, str(error)) from error
