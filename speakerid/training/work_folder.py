"""The folder of one training run: files written whole or not at all, and what the run was begun with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from speakerid.training.errors import CheckpointMismatch, CheckpointWriteFailed
from speakerid.training.speech import Source
from speakerid.whole_files import write_whole

FACTS = "run.json"
Fact = str | int | float | bool | None


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Raises `CheckpointWriteFailed` on a full disk and the like; what stood at `path` before then still stands."""
    try:
        write_whole(path, write)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        raise CheckpointWriteFailed(path, str(error)) from error


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda out: out.write(text.encode()))


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Raises `CheckpointWriteFailed` in place of an OSError: a full disk, a read-only folder."""
    try:
        yield
    except OSError as error:
        raise CheckpointWriteFailed(Path(error.filename or out), error.strerror or str(error)) from error


def claim(work: Path, facts: Mapping[str, Fact]) -> None:
    """The first call writes `facts`. Raises `CheckpointMismatch` when a later one brings others."""
    path = work / FACTS
    work.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_text(path, json.dumps(dict(facts), indent=2))
        return
    other = [name for name, value in _read(path).items() if facts.get(name) != value]
    if other:
        raise CheckpointMismatch(path, f"this run differs in {' and '.join(sorted(other))}")


def _read(path: Path) -> dict[str, Fact]:
    try:
        found: dict[str, Fact] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointMismatch(path, f"it cannot be read: {error}") from error
    return found


def digest_of(sources: Iterable[Source]) -> str:
    """Equal for the same files: names, sizes, speakers; not their place, which may be mounted elsewhere later."""
    digest = hashlib.sha256()
    for source in sources:
        line = (source.corpus, source.speaker, source.path.name, source.path.stat().st_size)
        digest.update(json.dumps(line).encode())
    return digest.hexdigest()[:16]
