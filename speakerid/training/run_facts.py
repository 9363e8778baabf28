"""What a work folder was begun with: a rerun goes on only with the same data and options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from speakerid.training.data import Source
from speakerid.training.errors import CheckpointMismatch
from speakerid.training.storage import write_atomically

FACTS = "run.json"
Fact = str | int | float | bool | None


def claim(work: Path, facts: Mapping[str, Fact]) -> None:
    """The first call writes `facts`. Raises `CheckpointMismatch` when a later one brings others."""
    path = work / FACTS
    work.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_atomically(path, lambda out: out.write(json.dumps(dict(facts), indent=2).encode()))
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
