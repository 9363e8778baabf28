from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from speakerid.evaluation.embedding.cache import FILE, CacheKey, EmbeddingCache
from speakerid.evaluation.embedding.workers import EmbeddedRecording
from speakerid.evaluation.errors import CacheFailed

KEY = CacheKey("d1", "whole")
EMBEDDED = EmbeddedRecording(np.array([0.6, 0.8], np.float32), 2.5)


def test_what_was_put_is_there_the_next_time(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path, "f1") as cache:
        assert cache.get(KEY) is None
        cache.put(KEY, EMBEDDED)
    with EmbeddingCache(tmp_path, "f1") as cache:
        found = cache.get(KEY)
        assert found is not None
        assert (found.embedding.tolist(), found.audio_s) == (EMBEDDED.embedding.tolist(), 2.5)
        assert cache.get(CacheKey("d1", "vad whole")) is cache.get(CacheKey("d2", "whole")) is None
    with EmbeddingCache(tmp_path, "f2") as other:
        assert other.get(KEY) is None


def test_what_was_committed_survives_a_failed_run(tmp_path: Path) -> None:
    def fails() -> None:
        with EmbeddingCache(tmp_path, "f1") as cache:
            cache.put(KEY, EMBEDDED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with EmbeddingCache(tmp_path, "f1") as cache:
        assert cache.get(KEY) is not None


def test_a_changed_file_has_another_digest(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"one")
    with EmbeddingCache(tmp_path, "f1") as cache:
        before = cache.digest(file)
        assert cache.digest(file) == before
        file.write_bytes(b"two")
        os.utime(file, ns=(1, 1))
        assert cache.digest(file) != before


def test_a_moved_file_has_the_same_digest(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"one")
    with EmbeddingCache(tmp_path, "f1") as cache:
        before = cache.digest(tmp_path / "a.wav")
        (tmp_path / "a.wav").rename(tmp_path / "b.wav")
        assert cache.digest(tmp_path / "b.wav") == before


def test_names_do_not_stand_in_the_cache_and_no_one_else_reads_it(tmp_path: Path) -> None:
    (tmp_path / "ada-lovelace.wav").write_bytes(b"one")
    with EmbeddingCache(tmp_path / "cache", "f1") as cache:
        cache.digest(tmp_path / "ada-lovelace.wav")
    file = tmp_path / "cache" / FILE
    assert b"lovelace" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


def test_a_full_disk_is_one_sentence_and_what_was_there_stays(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path, "f1") as cache:
        cache.put(KEY, EMBEDDED)

    def fill(cache: EmbeddingCache) -> None:
        cache._db.execute("PRAGMA max_page_count = 1")  # SQLite then answers as on a full disk
        for number in range(1_000):
            cache.put(CacheKey(f"d{number}", "whole"), EMBEDDED)
            cache.commit()

    with EmbeddingCache(tmp_path, "f1") as cache, pytest.raises(CacheFailed, match=r"disk is full.*--cache"):
        fill(cache)
    with EmbeddingCache(tmp_path, "f1") as cache:
        assert cache.get(KEY) is not None


def test_what_is_no_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be one" * 10)
    with pytest.raises(CacheFailed, match="not a database"):
        EmbeddingCache(tmp_path, "f1")
    with pytest.raises(CacheFailed, match="File exists"):
        EmbeddingCache(tmp_path / FILE, "f1")
