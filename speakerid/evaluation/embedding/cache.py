"""Embeddings kept on disk: an interrupted run goes on where it stopped, a second metric costs seconds.

One SQLite file. An embedding belongs to a part of a recording (SHA-256 of the file's bytes, which part) and to the
encoder's fingerprint. Paths are kept as hashes: file names may name who speaks.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from speakerid.evaluation.embedding.workers import EmbeddedRecording
from speakerid.evaluation.errors import CacheFailed

FILE = "embeddings.sqlite"
WAIT_S = 60.0  # for another run on the same cache
SCHEMA = """
CREATE TABLE IF NOT EXISTS files (place TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, digest TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS embeddings (
    digest TEXT, part TEXT, fingerprint TEXT, audio_s REAL, embedding BLOB,
    PRIMARY KEY (digest, part, fingerprint)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class CacheKey:
    digest: str  # SHA-256 (hex) of the file's bytes
    part: str  # of it: `whole`, `1.5+3.0`, with `vad` when pauses are left out


class EmbeddingCache:
    """Raises CacheFailed from every method: the disk is full, the file is not a cache."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path, self._fingerprint = folder / FILE, fingerprint
        with self._named_errors():
            folder.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # voiceprints are biometric data
            self._db = _opened(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was put is kept also when the run fails."""
        try:
            self.commit()
        finally:
            self._db.close()

    def digest(self, path: Path) -> str:
        """SHA-256 (hex); a file of the same place, size and time is not read again. Raises OSError."""
        facts = path.stat()
        row = (_place(path), facts.st_size, facts.st_mtime_ns)
        with self._named_errors():
            known = self._db.execute("SELECT digest FROM files WHERE (place, size, mtime_ns) = (?, ?, ?)", row)
            found = known.fetchone()
        if found is not None:
            return str(found[0])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._named_errors():
            self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (*row, digest))
        return digest

    def get(self, key: CacheKey) -> EmbeddedRecording | None:
        query = "SELECT audio_s, embedding FROM embeddings WHERE (digest, part, fingerprint) = (?, ?, ?)"
        with self._named_errors():
            row = self._db.execute(query, (key.digest, key.part, self._fingerprint)).fetchone()
        if row is None:
            return None
        audio_s, embedding = row
        return EmbeddedRecording(np.frombuffer(embedding, np.float32), audio_s)

    def put(self, key: CacheKey, embedded: EmbeddedRecording) -> None:
        """Kept from the next `commit` on."""
        columns = "digest, part, fingerprint, audio_s, embedding"
        values = (key.digest, key.part, self._fingerprint, embedded.audio_s, embedded.embedding.tobytes())
        with self._named_errors():
            self._db.execute(f"INSERT OR REPLACE INTO embeddings ({columns}) VALUES (?, ?, ?, ?, ?)", values)

    def commit(self) -> None:
        with self._named_errors():
            self._db.commit()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CacheFailed(self._path, reason) from error


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=WAIT_S)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "speakerid" / "evaluation"


def _place(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
